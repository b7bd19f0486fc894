-- no transaction
-- Lists of one store, and of its terminals; an order without a store pays nothing for it.
CREATE INDEX CONCURRENTLY orders_store ON orders (store, id) WHERE store IS NOT NULL;

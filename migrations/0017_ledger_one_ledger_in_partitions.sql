-- The trigger of 0009 once more, for all partitions: it stayed behind with the first when transfers were cut into months.
DROP TRIGGER IF EXISTS transfers_stay_in_one_ledger ON transfers_before;
CREATE TRIGGER transfers_stay_in_one_ledger BEFORE INSERT ON transfers
    FOR EACH ROW WHEN (session_user <> 'qrpay_app' AND (NEW.amount > 0 OR NEW.flags & 192 <> 0))
    EXECUTE FUNCTION refuse_between_ledgers();

-- Operators look for a company by its code or its legal name, whatever became of its application.
CREATE INDEX merchant_applications_company ON merchant_applications (uscc);
CREATE INDEX merchant_applications_legal_name ON merchant_applications (legal_name);

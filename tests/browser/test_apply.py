"""The page on which a company applies: filled in on a phone, gone on with later, handed in with its papers."""

from playwright.async_api import FilePayload, expect

from tests.browser.devices import ANSWER_MS, Devices, Stranger
from tests.features.onboarding.test_onboarding import JPEG, PDF, a_company

COMPANY = {
    "Registered name": "福州快乐商贸有限公司", "Short name": "快乐超市", "Short name in Latin letters": "HAPPY MART",
    "City in Latin letters": "FUZHOU", "Category": "5411",
}  # fmt: skip
PEOPLE = {
    "Name": "张三", "Mobile number": "13800138000", "E-mail": "zhang@shop.example",
    "Account holder": "福州快乐商贸有限公司", "Account number": "6222021234567890128",
    "Bank's CNAPS code (12 digits)": "102100099996",
}  # fmt: skip


async def fills(phone: Stranger, said: dict[str, str]) -> None:
    """Type into the fields of these names."""
    for label, text in said.items():
        field = phone.page.locator("label.field", has=phone.page.get_by_text(label, exact=True))
        await field.locator("input").fill(text)


async def test_a_company_applies_on_a_phone(devices: Devices) -> None:
    """Saved, gone on with after a reload, told what is missing, handed in; its key for trying is shown."""
    company, phone = a_company(), await devices.stranger("/apply")
    await fills(phone, COMPANY | {"Unified social credit code": company.lower()})
    await phone.press("Save and go on later")
    await phone.sees("text=Saved.")

    await phone.page.reload()
    await expect(phone.page.locator("[name=short_name]")).to_have_value("快乐超市", timeout=ANSWER_MS)
    await fills(phone, PEOPLE)
    await phone.press("Hand it in")
    await phone.sees("text=To be mended")
    await phone.shot("apply-mend")
    await expect(phone.page.get_by_role("alert").locator(".rows li")).to_have_count(2, timeout=ANSWER_MS)

    for kind, file in (("business_licence", PDF), ("legal_person_id", JPEG)):
        paper: FilePayload = {"name": "a.pdf", "mimeType": "application/pdf", "buffer": file}
        await phone.page.locator(f"[name='paper.{kind}']").set_input_files(paper)
    await phone.press("Hand it in")
    await phone.sees("[data-status=submitted]")
    await phone.press("Show the key")
    await phone.sees("details.copyable")
    assert (await phone.page.locator(".copyable textarea").input_value()).startswith("sk_test_")
    width = await phone.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    await phone.shot("apply-submitted")
    await _is_taken_on(devices, company)
    await phone.press("Look again")
    await phone.sees("[data-status=approved]")
    await phone.page.emulate_media(color_scheme="dark")
    await phone.press("中文")
    await phone.sees("text=您已成为商户")
    await phone.shot("apply-approved-zh-dark")


async def _is_taken_on(devices: Devices, company: str) -> None:
    """A clerk saves a paper and notes what was found; an approver decides."""
    clerk, approver = await devices.desk(), await devices.desk(wide=True)
    await clerk.enter(devices.demo.other_operator)
    await clerk.tab("To decide")
    line = clerk.page.locator("[data-review]", has_text=company)
    await line.get_by_role("button").first.click()
    async with clerk.page.expect_download() as saved:
        await line.get_by_role("link", name="Business licence").click()
    assert (await saved.value).suggested_filename.startswith("business_licence-pap_")
    await line.get_by_label("Reason").first.fill("licence and account agree")
    await clerk.shot("operators-application")
    await clerk.press("I have looked")
    await expect(line.locator("dd", has_text="licence and account agree")).to_be_visible(timeout=ANSWER_MS)

    await approver.enter(devices.demo.operator)
    await approver.tab("To decide")
    line = approver.page.locator("[data-review]", has_text=company)
    await line.get_by_role("button").first.click()
    await line.get_by_label("Reason").fill("complete")
    await approver.press("Approve")
    await expect(approver.page.get_by_role("status")).to_have_text("Approved.", timeout=ANSWER_MS)

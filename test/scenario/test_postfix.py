"""A real Postfix gets its answers from policy.conf, and every action has the effect that access(5) promises."""
import re
import smtplib
import threading
import unittest

from support.daemon import Daemon
from support.net import wait_until
from support.postfix import Postfix, available, queue_id

# What is answered for NAME@example.test at RCPT TO.
ACTIONS = {
    "ok": "OK",
    "reject": "REJECT No mail for you",
    "reject-dsn": "REJECT 5.1.1 Moved away",
    "defer": "DEFER Come back later",
    "defer-if-permit": "DEFER_IF_PERMIT Not yet",
    "defer-if-reject": "DEFER_IF_REJECT Perhaps later",
    "full": "452 4.2.2 Mailbox full",
    "syntax": "553 5.1.3 Not an address of ours",
    "goodbye": "421 4.7.0 Too much of you",
    "prepend": "PREPEND X-Policy: seen by ${rule}",
    "hold": "HOLD look at this",
    "discard": "DISCARD never mind",
    "redirect": "REDIRECT elsewhere@example.test",
    "bcc": "BCC archive@example.test",
    "filter": "FILTER discard:nowhere",
    "warn": "WARN odd recipient",
    "class": "greeted, permit",
}

STATES = """
acl at_connect  policy_context connect
acl at_vrfy     protocol_state VRFY
acl secret      recipient match=exact secret@example.test
acl bad_helo    helo_name match=domain bad.test
acl at_ehlo     protocol_state EHLO HELO
acl bounce      sender match=exact <>
acl at_mail     protocol_state MAIL
acl many        recipient_count >1
acl at_data     protocol_state DATA
acl large       size >4K
acl at_end      protocol_state END-OF-MESSAGE
acl at_etrn     protocol_state ETRN
acl queue       etrn_domain match=exact queue.test
acl idn         sender match=domain exämple.test
action no_client  REJECT No clients today
action no_vrfy    REJECT Not telling
action no_helo    REJECT Bad name
action no_bounce  REJECT No bounces
action no_many    REJECT One at a time
action no_large   REJECT 5.3.4 Too large: ${size}
action no_etrn    REJECT No queue for ${etrn_domain}
action no_idn     REJECT Grüße an ${sender}
access at_connect no_client
access at_vrfy secret no_vrfy
access at_ehlo bad_helo no_helo
access at_mail bounce no_bounce
access at_data many no_many
access at_end large no_large
access at_etrn queue no_etrn
access idn no_idn
"""

POLICY = STATES + "".join(
    f"acl to_{name} recipient ^{name}[0-9]?@example\\.test$\naction do_{name} {action}\naccess to_{name} do_{name}\n"
    for name, action in ACTIONS.items())

daemon = None
postfix = None


def setUpModule():
    global daemon, postfix
    if not available():
        raise unittest.SkipTest("needs root and Debian's package postfix")
    daemon = Daemon(POLICY, settings={"restriction_classes": "greeted"})
    inet, unix = f"inet:127.0.0.1:{daemon.inet[1]}", f"unix:{daemon.unix}"

    def asks(restrictions, **more):
        return {"smtpd_recipient_restrictions": restrictions, **more}

    def early(parameter, **options):
        text = "".join(f", {key}={value}" for key, value in options.items())
        return {"smtpd_delay_reject": "no", "smtpd_recipient_restrictions": "permit_mynetworks",
                parameter: "check_policy_service { %s%s }" % (inet, text)}

    postfix = Postfix({
        "inet": asks(f"check_policy_service {inet}, permit"),
        "unix": asks(f"check_policy_service {unix}, permit"),
        "inet-reject": asks(f"check_policy_service {inet}, reject"),
        "unix-reject": asks(f"check_policy_service {unix}, reject"),
        "connect": early("smtpd_client_restrictions", policy_context="connect"),
        "helo": early("smtpd_helo_restrictions"),
        "mail": early("smtpd_sender_restrictions"),
        "data": early("smtpd_data_restrictions"),
        "end": early("smtpd_end_of_data_restrictions"),
        "etrn": early("smtpd_etrn_restrictions"),
    }, smtpd_restriction_classes="greeted", greeted="check_helo_access static:{REJECT of a class}",
       fast_flush_domains="queue.test", relay_domains="queue.test open.test")


def tearDownModule():
    if postfix:
        postfix.stop()
    if daemon:
        daemon.__exit__(None, None, None)


class Case(unittest.TestCase):
    def setUp(self):
        self.log_began = len(postfix.log())

    def tearDown(self):
        """Whatever was asked, Postfix never had to complain about us."""
        news = postfix.log()[self.log_began:]
        self.assertNotRegex(news, r"warning: .*(policy|talking to server|access table|unknown smtpd restriction)")
        self.assertNotIn("Server configuration", news)

    def send(self, service, *recipients, sender="sender@example.test"):
        return postfix.swaks(service, "--from", sender, "--to", ",".join(recipients)).stdout

    def assert_refused(self, name, pattern):
        self.assertRegex(self.send(self.service, f"{name}@example.test"), r"(?m)^<\*\* " + pattern)


class Actions:
    """Every action, over the transport of the subclass."""
    service = None

    def test_dunno_leaves_the_decision_to_the_next_restriction(self):
        queue_id(self.send(self.service, "somebody@example.test"))
        self.assertRegex(self.send(self.service + "-reject", "somebody@example.test"),
                         r"<\*\* 554 5\.7\.1 .*Access denied")

    def test_ok_permits_before_a_later_reject(self):
        queue_id(self.send(self.service + "-reject", "ok@example.test"))

    def test_reject_with_text(self):
        self.assert_refused("reject", r"554 5\.7\.1 .*: No mail for you$")

    def test_reject_with_a_status_code_of_its_own(self):
        self.assert_refused("reject-dsn", r"554 5\.1\.1 .*: Moved away$")

    def test_defer(self):
        self.assert_refused("defer", r"450 4\.7\.1 .*: Come back later$")

    def test_defer_if_permit_defers_what_would_pass(self):
        self.assert_refused("defer-if-permit", r"450 4\.7\.1 .*: Not yet$")
        self.assertRegex(self.send(self.service + "-reject", "defer-if-permit@example.test"), r"<\*\* 554 5\.7\.1")

    def test_defer_if_reject_defers_what_would_fail(self):
        queue_id(self.send(self.service, "defer-if-reject@example.test"))
        self.assertRegex(self.send(self.service + "-reject", "defer-if-reject@example.test"),
                         r"<\*\* 450 4\.7\.1 .*: Perhaps later")

    def test_4nn_with_text(self):
        self.assert_refused("full", r"452 4\.2\.2 .*: Mailbox full$")

    def test_5nn_with_text(self):
        self.assert_refused("syntax", r"553 5\.1\.3 .*: Not an address of ours$")

    def test_421_disconnects(self):
        self.assert_refused("goodbye", r"421 4\.7\.0 .*Too much of you")

    def test_prepend_once_for_three_recipients(self):
        accepted = self.send(self.service, *(f"prepend{n}@example.test" for n in (1, 2, 3)))
        content = postfix.queue_file(queue_id(accepted))
        self.assertEqual(len(re.findall(r"^recipient: prepend\d@", content, re.M)), 3)
        self.assertEqual(len(re.findall(r"^X-Policy: seen by .*policy\.conf:\d+$", content, re.M)), 1, content)

    def test_prepend_again_for_the_next_message(self):
        for _ in range(2):
            accepted = self.send(self.service, "prepend@example.test")
            self.assertIn("X-Policy: ", postfix.queue_file(queue_id(accepted)))

    def test_hold_puts_the_message_into_the_hold_queue(self):
        held = queue_id(self.send(self.service, "hold@example.test"))
        wait_until(lambda: postfix.in_queue("hold", held), f"{held} in the hold queue")
        postfix.wait_log(r"hold: RCPT .*look at this.* to=<hold@example\.test>")

    def test_discard_accepts_and_forgets(self):
        lost = queue_id(self.send(self.service, "discard@example.test"))
        postfix.wait_log(r"discard: RCPT .*never mind.* to=<discard@example\.test>")
        for queue in ("incoming", "active", "deferred", "hold"):
            self.assertFalse(postfix.in_queue(queue, lost), queue)

    def test_redirect_sends_it_elsewhere(self):
        moved = queue_id(self.send(self.service, "redirect@example.test"))
        postfix.wait_log(rf"{moved}: to=<elsewhere@example\.test>, orig_to=<redirect@example\.test>")

    def test_bcc_adds_a_recipient(self):
        copied = queue_id(self.send(self.service, "bcc@example.test"))
        postfix.wait_log(rf"{copied}: to=<archive@example\.test>")
        postfix.wait_log(rf"{copied}: to=<bcc@example\.test>")

    def test_filter_chooses_the_transport(self):
        filtered = queue_id(self.send(self.service, "filter@example.test"))
        postfix.wait_log(rf"/discard\[\d+\]: {filtered}: to=<filter@example\.test>")

    def test_warn_logs_and_goes_on(self):
        queue_id(self.send(self.service, "warn@example.test"))
        postfix.wait_log(r"warn: RCPT .*odd recipient")

    def test_restriction_class_and_restriction_list(self):
        self.assert_refused("class", r"554 5\.7\.1 .*: of a class$")

    def test_many_messages_over_parallel_sessions(self):
        sent = postfix.smtp_source(self.service, "-s", "5", "-m", "100", "-l", "600", "-f", "sender@example.test",
                                   "-t", "ok@discard.test")
        self.assertEqual(sent.returncode, 0, sent.stderr)

    def test_a_reload_under_mail_loses_nothing(self):
        done = threading.Event()

        def reload():
            while not done.is_set():
                daemon.reload()
                done.wait(0.05)
        thread = threading.Thread(target=reload)
        thread.start()
        try:
            sent = postfix.smtp_source(self.service, "-s", "4", "-m", "100", "-l", "600",
                                       "-f", "sender@example.test", "-t", "ok@discard.test")
        finally:
            done.set()
            thread.join()
        self.assertEqual(sent.returncode, 0, sent.stderr)


class OverInet(Actions, Case):
    service = "inet"


class OverUnix(Actions, Case):
    service = "unix"


class States(Case):
    """The stages of a session at which Postfix asks."""

    def test_connect(self):
        with self.assertRaises(smtplib.SMTPConnectError) as refused:
            postfix.smtp("connect")
        self.assertEqual(refused.exception.smtp_code, 554)
        self.assertIn(b"No clients today", refused.exception.smtp_error)

    def test_ehlo_and_helo(self):
        with postfix.smtp("helo") as smtp:
            for greet in (smtp.ehlo, smtp.helo):
                code, text = greet("mx.bad.test")
                self.assertEqual((code, b"Bad name" in text), (554, True), text)
                self.assertEqual(greet("mx.notbad.test")[0], 250)

    def test_mail_from_the_null_sender(self):
        with postfix.smtp("mail") as smtp:
            smtp.ehlo()
            code, text = smtp.mail("<>")
            self.assertEqual((code, b"No bounces" in text), (554, True), text)
            self.assertEqual(smtp.mail("sender@example.test")[0], 250)

    def test_data_with_several_recipients(self):
        with postfix.smtp("data") as smtp:
            for recipients, code in ((1, 354), (2, 554)):
                smtp.ehlo()
                smtp.mail("sender@example.test")
                for n in range(recipients):
                    smtp.rcpt(f"user{n}@example.test")
                got, text = smtp.docmd("DATA")
                self.assertEqual(got, code, text)
                if got == 354:
                    self.assertEqual(smtp.docmd(".")[0], 250)

    def test_end_of_message_knows_the_size(self):
        with postfix.smtp("end") as smtp:
            smtp.ehlo()
            smtp.sendmail("sender@example.test", ["user@example.test"], "Subject: small\n\nx\n")
            with self.assertRaises(smtplib.SMTPDataError) as refused:
                smtp.sendmail("sender@example.test", ["user@example.test"], "Subject: large\n\n" + "x\n" * 5000)
            self.assertRegex(refused.exception.smtp_error.decode(), r"5\.3\.4 .*Too large: \d{4}")

    def test_vrfy(self):
        with postfix.smtp("inet") as smtp:
            smtp.ehlo()
            code, text = smtp.verify("secret@example.test")
            self.assertEqual((code, b"Not telling" in text), (554, True), text)
            self.assertEqual(smtp.verify("public@example.test")[0], 252)
            smtp.mail("sender@example.test")
            self.assertEqual(smtp.rcpt("secret@example.test")[0], 250)

    def test_etrn(self):
        with postfix.smtp("etrn") as smtp:
            smtp.ehlo()
            code, text = smtp.docmd("ETRN queue.test")
            self.assertEqual((code, b"No queue for queue.test" in text), (554, True), text)
            self.assertNotIn(b"No queue", smtp.docmd("ETRN open.test")[1])

    def test_smtputf8(self):
        with postfix.smtp("unix") as smtp:
            smtp.ehlo()
            code, text = smtp.mail("jürgen@exämple.test", ["SMTPUTF8"])
            self.assertEqual(code, 250, text)
            code, text = smtp.rcpt("user@example.test")
            self.assertEqual((code, "Grüße an jürgen@exämple.test" in text.decode()), (554, True), text)

    def test_one_connection_serves_many_messages(self):
        """PROTOCOL.md: never closes first on a well-behaved client; a lost connection costs Postfix a second."""
        with postfix.smtp("inet") as smtp:
            for _ in range(20):
                smtp.sendmail("sender@example.test", ["ok@discard.test"], "Subject: again\n\nand again\n")


if __name__ == "__main__":
    unittest.main()

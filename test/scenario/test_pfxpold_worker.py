"""tools/pfxpold-worker: a check plug-in written for pfxpold, served on standard input and output."""
import os
import signal
import sqlite3
import subprocess
import unittest

from support.client import render
from support.daemon import ROOT, Directory, environment
from support.net import PATIENCE

WORKER = ROOT / "tools/pfxpold-worker"
LIKE_THE_FIRST_SAMPLE = ROOT / "conf/examples/pfxpold"
LIKE_THE_SECOND_SAMPLE = ROOT / "test/data/plugins/sql"

# What pfxpold's documentation sends by hand: no request=, no protocol_state.
BY_HAND = "sender=foo@example.com\nclient_address=192.0.2.4\nclient_name=foo.example\n\n"


def plugin(body, before=""):
    """A PFXCheck.pm that remembers how often it was made and asked; `body` is do_check's, with $self and $in."""
    return f"""package PFXCheck;
use strict; use warnings;
my $made = 0;
{before}
sub new {{ $made++; return bless {{ asked => 0 }}, shift }}
sub do_check {{
    my ($self, $in) = @_;
    $self->{{asked}}++;
    {body}
}}
1;
"""


class Worker(unittest.TestCase):
    def setUp(self):
        self.directory = Directory()
        self.addCleanup(self.directory.remove)

    def write(self, body, before=""):
        self.directory.write("PFXCheck.pm", plugin(body, before))
        return self.directory.path

    def run_worker(self, directory, stdin="", *options, perl=(), **env):
        """A worker that is given all its input at once: status, stdout and stderr."""
        return subprocess.run([*perl, str(WORKER), *options, str(directory)], input=stdin.encode(),
                              capture_output=True, timeout=PATIENCE, env=environment(**env), check=False)

    def answers(self, body, requests, *options, before="", **env):
        """What a plug-in answers, one for each request; the worker has to end well."""
        result = self.run_worker(self.write(body, before), requests, *options, **env)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.log = result.stderr.decode()
        self.assertTrue(result.stdout == b"" or result.stdout.endswith(b"\n\n"), result.stdout)
        return result.stdout.decode().split("\n\n")[:-1]

    def fails(self, result, status=1, pattern="(?s).*"):
        self.assertEqual(result.returncode, status, result.stderr.decode())
        self.assertEqual(result.stdout, b"")
        self.assertRegex(result.stderr.decode(), pattern)


class Source(Worker):
    def test_perl_has_nothing_to_say_about_it(self):
        for path in (WORKER, LIKE_THE_FIRST_SAMPLE / "PFXCheck.pm", LIKE_THE_SECOND_SAMPLE / "PFXCheck.pm"):
            with self.subTest(path=path):
                result = subprocess.run(["perl", "-T", "-w", "-c", str(path)], capture_output=True, text=True,
                                        check=False)
                self.assertEqual((result.returncode, result.stderr), (0, f"{path} syntax OK\n"))

    def test_it_runs_under_taint_checks(self):
        result = self.run_worker(self.write('"DUNNO"'), BY_HAND, perl=("perl", "-T", "-w"))
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"action=DUNNO\n\n", b""))


class Contract(Worker):
    """`PFXCheck->new()` is called once. `$check->do_check(\\%attributes)` is called for each request and returns a
    string that follows `action=`. Attribute names and values are lower-cased before the plug-in sees them."""

    def test_made_once_and_asked_for_each_request(self):
        self.assertEqual(self.answers('"DUNNO made $made, asked $self->{asked}"', BY_HAND * 3),
                         [f"action=DUNNO made 1, asked {n}" for n in (1, 2, 3)])

    def test_the_attributes_are_a_hash(self):
        body = '"DUNNO " . join(" ", map { "$_=<$in->{$_}>" } sort keys %$in)'
        self.assertEqual(self.answers(body, "b=2\na=x=y\nempty=\nb=3\n\nc=1\n\n"),
                         ["action=DUNNO a=<x=y> b=<3> empty=<>", "action=DUNNO c=<1>"])

    def test_names_and_values_are_lower_cased(self):
        body = '"DUNNO " . join(" ", map { "$_=$in->{$_}" } sort keys %$in)'
        request = render(Sender="Foo@Example.COM").decode()
        self.assertEqual(self.answers(body, request),
                         ["action=DUNNO request=smtpd_access_policy sender=foo@example.com"])
        self.assertEqual(self.answers(body, request, "--keep-case"),
                         ["action=DUNNO Sender=Foo@Example.COM request=smtpd_access_policy"])

    def test_bytes_are_kept(self):
        result = self.run_worker(self.write('"REJECT " . $in->{sender}'), "sender=ÄÖ@x.test\n\n")
        self.assertEqual(result.stdout, "action=REJECT ÄÖ@x.test\n\n".encode())
        result = self.run_worker(self.write('"REJECT \\x{263a}"'), "sender=a\n\n")
        self.assertEqual((result.stdout, result.stderr), ("action=REJECT \u263a\n\n".encode(), b""))

    def test_a_child_that_comes_back_from_do_check_does_not_answer(self):
        body = 'my $child = fork; waitpid($child, 0) if $child; return "DUNNO " . ($child ? "parent" : "child")'
        self.assertEqual(self.answers(body, BY_HAND * 2), ["action=DUNNO parent"] * 2)

    def test_crlf_is_tolerated(self):
        self.assertEqual(self.answers('"DUNNO [$in->{sender}]"', "sender=a\r\n\r\nsender=b\r\n\r\n"),
                         ["action=DUNNO [a]", "action=DUNNO [b]"])

    def test_an_answer_is_one_line(self):
        cases = {r'"REJECT no\n"': "REJECT no", r'"REJECT no\n\n"': "REJECT no", r'"REJECT no\r\n"': "REJECT no",
                 r'"DUNNO\n\naction=OK\n\n"': "DUNNO action=OK", r'"REJECT a\nb\0c"': "REJECT a b c"}
        for body, want in cases.items():
            with self.subTest(body=body):
                self.assertEqual(self.answers(body, BY_HAND * 2), ["action=" + want] * 2)

    def test_a_plug_in_is_asked_for_one_value(self):
        self.assertEqual(self.answers('wantarray ? "DUNNO list" : "DUNNO value"', BY_HAND), ["action=DUNNO value"])

    def test_a_plug_in_finds_modules_beside_it(self):
        self.directory.write("Neighbour.pm", 'package Neighbour; sub answer { "DUNNO neighbour" } 1;\n')
        self.assertEqual(self.answers("Neighbour::answer()", BY_HAND, before="use Neighbour;"),
                         ["action=DUNNO neighbour"])

    def test_a_plug_in_finds_files_beside_it(self):
        self.directory.write("allowed", "DUNNO found")
        self.assertEqual(self.answers('open(my $f, "<", "$FindBin::Bin/allowed") or die; <$f>', BY_HAND,
                                      before="use FindBin;"), ["action=DUNNO found"])

    def test_a_relative_directory(self):
        self.directory.write("checks/PFXCheck.pm", plugin("chdir '/'; require Later; 'DUNNO ' . Later::answer()"))
        self.directory.write("checks/Later.pm", 'package Later; sub answer { "found" } 1;\n')
        result = subprocess.run([str(WORKER), "checks"], input=BY_HAND.encode(), capture_output=True, check=False,
                                cwd=self.directory.path, timeout=PATIENCE)
        self.assertEqual(result.stdout, b"action=DUNNO found\n\n", result.stderr)

    def test_nofork_means_nothing(self):
        self.assertEqual(self.answers('"DUNNO"', BY_HAND, NOFORK="1"), ["action=DUNNO"])
        self.assertEqual(self.log, "")


class Log(Worker):
    """The plug-in logs with `main::dolog(severity, message)`; severities debug, info, warning; others count as info.
    `DEBUG=1` logs debug messages."""

    BODY = 'main::dolog($_, "about $_") for qw(debug info warning err Debug); main::dolog(undef, undef); "DUNNO"'
    ALWAYS = "info: about info\nwarning: about warning\ninfo: about err\ninfo: about Debug\ninfo: \n"

    def test_severities(self):
        for debug, want in (("", self.ALWAYS), ("0", self.ALWAYS), ("1", "debug: about debug\n" + self.ALWAYS)):
            with self.subTest(debug=debug):
                self.answers(self.BODY, BY_HAND, DEBUG=debug)
                self.assertEqual(self.log, want)

    def test_a_message_is_a_line(self):
        self.answers(r'$\ = "!"; $, = "?"; main::dolog("info", "one\ntwo\n"); main::dolog("info", "\x{263a}"); "DUNNO"',
                     BY_HAND)
        self.assertEqual(self.log, "info: one two\ninfo: \u263a\n")

    def test_a_plug_in_may_log_while_it_is_loaded(self):
        self.answers('"DUNNO"', BY_HAND, before='main::dolog("info", "loaded");')
        self.assertEqual(self.log, "info: loaded\n")


class StrayOutput(Worker):
    """A stray `print` in a plug-in was harmless, and a worker must keep it so."""

    def test_wherever_it_comes_from(self):
        cases = {
            "print": 'print "stray\\n"; print STDOUT "stray\\n"; "DUNNO"',
            "printf": 'printf "%s\\n", "stray"; "DUNNO"',
            "a program": 'system("echo stray; echo stray >&2"); "DUNNO"',
            "syswrite": 'syswrite(STDOUT, "stray\\n"); "DUNNO"',
            "the descriptor": 'open(my $o, ">&=", 1); print $o "stray\\n"; close $o; "DUNNO"',
            "a child": 'my $p = fork; if (!$p) { print "stray\\n"; exit 0 } waitpid $p, 0; "DUNNO"',
            "closed": 'print "stray\\n"; close STDOUT; "DUNNO"',
        }
        for name, body in cases.items():
            with self.subTest(case=name):
                self.assertEqual(self.answers(body, BY_HAND), ["action=DUNNO"])
                self.assertIn("stray\n", self.log)

    def test_while_it_is_loaded(self):
        self.assertEqual(self.answers('"DUNNO"', BY_HAND, before='BEGIN { print "stray\\n"; system("echo stray") }'),
                         ["action=DUNNO"])
        self.assertEqual(self.log, "stray\nstray\n")

    def test_requests_are_out_of_its_reach(self):
        for body in ('my $line = <STDIN>; "DUNNO " . (defined $line ? $line : "nothing")',
                     'my $line = `cat`; "DUNNO " . ($line eq "" ? "nothing" : $line)'):
            with self.subTest(body=body):
                self.assertEqual(self.answers(body, BY_HAND * 3), ["action=DUNNO nothing"] * 3)

    def test_programs_inherit_neither_stream(self):
        self.assertEqual(self.answers('"DUNNO " . join " ", split /\\s+/, `ls -1 /proc/self/fd`', BY_HAND),
                         ["action=DUNNO 0 1 2 3"])  # 3 is the directory being listed

    def test_special_variables_are_the_plug_in_s_own(self):
        self.assertEqual(self.answers(r'$/ = undef; $\ = "x"; $, = "y"; $" = "z"; $; = "w"; "DUNNO"', BY_HAND * 2),
                         ["action=DUNNO"] * 2)


class Failures(Worker):
    """An undefined or empty return is a failure. Without an answer policymux asks elsewhere."""

    def test_no_answer(self):
        for body in ("undef", "return", '""', '"\\n"', '"  "', 'die "no\\n"', "die { code => 1 }", "PFXCheck->missing",
                     "exit 1"):
            with self.subTest(body=body):
                self.fails(self.run_worker(self.write(body), BY_HAND * 2))

    def test_the_answers_before_it_stand(self):
        result = self.run_worker(self.write('$self->{asked} < 3 ? "DUNNO" : die "tired\\n"'), BY_HAND * 5)
        self.assertEqual((result.returncode, result.stdout), (1, b"action=DUNNO\n\n" * 2))
        self.assertEqual(result.stderr, b"warning: PFXCheck died: tired\n")

    def test_a_plug_in_that_cannot_be_loaded(self):
        self.fails(self.run_worker(self.directory.path), 1, "cannot load PFXCheck from /.*: Can't locate PFXCheck")
        for before in ('die "at load\\n";', "use NoSuchModule;", "syntax error here"):
            with self.subTest(before=before):
                self.fails(self.run_worker(self.write('"DUNNO"', before)), 1, "warning: cannot load PFXCheck")

    def test_a_plug_in_that_cannot_be_made(self):
        for new in ('die "in new\\n"', "return"):
            with self.subTest(new=new):
                self.directory.write("PFXCheck.pm", f"package PFXCheck;\nsub new {{ {new} }}\n1;\n")
                self.fails(self.run_worker(self.directory.path), 1, "in new|returned nothing")

    def test_wrong_usage(self):
        for arguments in ((), ("a", "b"), ("--keep-cas", "a"), ("",)):
            with self.subTest(arguments=arguments):
                result = subprocess.run([str(WORKER), *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                        timeout=PATIENCE, check=False)
                self.fails(result, 2, "^usage: pfxpold-worker")


class Stream(Worker):
    def test_the_end_ends_it(self):
        self.assertEqual(self.answers('"DUNNO"', ""), [])
        self.assertEqual(self.log, "")
        self.assertEqual(self.answers('"DUNNO"', BY_HAND + "sender=half"), ["action=DUNNO"])
        self.assertEqual(self.log, "warning: the stream ended within a request\n")

    def test_malformed_requests(self):
        for request in ("\n", "sender\n\n", "=a\n\n", "sender=a\0b\n\n"):
            with self.subTest(request=request):
                self.fails(self.run_worker(self.write('"DUNNO"'), request), 1, "malformed|empty")

    def test_a_large_request(self):
        value = "x" * (4 << 20)
        self.assertEqual(self.answers('"DUNNO " . length $in->{sender}', f"sender={value}\n\n"),
                         [f"action=DUNNO {len(value)}"])

    def test_a_request_without_an_end(self):
        self.fails(self.run_worker(self.write('"DUNNO"'), "sender=" + "x" * (17 << 20)), 1, "too long")

    def test_requests_in_pieces_and_at_once(self):
        with self.start('"DUNNO $self->{asked}"') as worker:
            for byte in BY_HAND.replace("\n", "\r\n"):
                worker.stdin.write(byte.encode())
                worker.stdin.flush()
            self.assertEqual(self.answer(worker), b"action=DUNNO 1\n\n")
            worker.stdin.write(BY_HAND.encode() * 2)
            worker.stdin.flush()
            self.assertEqual(self.answer(worker), b"action=DUNNO 2\n\n")
            self.assertEqual(self.answer(worker), b"action=DUNNO 3\n\n")

    def test_signals_that_a_plug_in_catches_interrupt_nothing(self):
        with self.start('"DUNNO $self->{asked}"', "my $n = 0; $SIG{USR1} = sub { $n++ };") as worker:
            for n in range(1, 21):
                if n > 1:  # by then the plug-in is loaded
                    os.kill(worker.pid, signal.SIGUSR1)
                worker.stdin.write(BY_HAND.encode())
                worker.stdin.flush()
                self.assertEqual(self.answer(worker), b"action=DUNNO %d\n\n" % n)

    def test_sigterm_ends_it(self):
        with self.start('"DUNNO"') as worker:
            worker.stdin.write(BY_HAND.encode())
            worker.stdin.flush()
            self.answer(worker)
            worker.terminate()
            self.assertEqual(worker.wait(PATIENCE), -signal.SIGTERM)

    def start(self, body, before=""):
        worker = subprocess.Popen([str(WORKER), str(self.write(body, before))], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.addCleanup(worker.kill)
        return worker

    def answer(self, worker):
        return worker.stdout.readline() + worker.stdout.readline()


class LikeTheSamples(Worker):
    """One answers `OK (you win!)` or `DUNNO (you lose!)` at random; one asks SQL for (client_address or client_name) x
    (sender or @domain) and answers OK on any row, REJECT otherwise, DEFER when the database is away. Both answer
    `REJECT Malformed request...` when client_address, client_name or sender is missing."""

    def test_the_one_that_rolls_dice(self):
        result = self.run_worker(LIKE_THE_FIRST_SAMPLE, BY_HAND * 200)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(set(result.stdout.split(b"\n\n")[:-1]), {b"action=OK (you win!)", b"action=DUNNO (you lose!)"})

    def test_what_is_missing(self):
        lines = BY_HAND.splitlines()[:3]
        for directory in (LIKE_THE_FIRST_SAMPLE, LIKE_THE_SECOND_SAMPLE):
            for missing in lines:
                name = missing.split("=")[0]
                for request in ("\n".join(line for line in lines if line != missing) + "\n\n",
                                BY_HAND.replace(missing, name + "=")):
                    with self.subTest(directory=directory.name, request=request):
                        result = self.run_worker(directory, request, ALLOWED_DATABASE="/nonexistent")
                        self.assertRegex(result.stdout, rb"\Aaction=REJECT Malformed request.*\n\n\Z")

    def test_the_one_that_asks_sql(self):
        path = self.directory.path / "allowed.sqlite"
        rows = (("192.0.2.4", "foo@example.com"), ("printer.test", "@office.test"))
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE allowed (client TEXT, sender TEXT)")
            database.executemany("INSERT INTO allowed VALUES (?, ?)", rows)
        database.close()
        cases = (("192.0.2.4", "x.test", "Foo@Example.com", "OK"), ("192.0.2.4", "x.test", "x@example.com", "REJECT"),
                 ("192.0.2.5", "Printer.test", "scan@office.test", "OK"),
                 ("192.0.2.5", "y.test", "scan@office.test", "REJECT"))
        requests = "".join(f"client_address={address}\nclient_name={name}\nsender={sender}\n\n"
                           for address, name, sender, _ in cases)
        result = self.run_worker(LIKE_THE_SECOND_SAMPLE, requests, ALLOWED_DATABASE=str(path))
        self.assertEqual([answer.split()[0] for answer in result.stdout.decode().split("\n\n")[:-1]],
                         ["action=" + want for *_, want in cases], result.stderr)

    def test_the_one_that_asks_sql_without_a_database(self):
        result = self.run_worker(LIKE_THE_SECOND_SAMPLE, BY_HAND * 2, ALLOWED_DATABASE="/nonexistent/database")
        self.assertEqual(result.stdout, b"action=DEFER No database\n\n" * 2)
        self.assertRegex(result.stderr, b"warning: no database")


if __name__ == "__main__":
    unittest.main()

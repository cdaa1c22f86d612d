// What the rules of the language mean for a decision, each quoted. The loader's rules are tested beside it.
#include "rule/evaluate.h"

#include <ctime>

#include <fmt/format.h>

#include "rule/explain.h"
#include "support/policy_text.h"

namespace policymux::test {
namespace {

struct Rule {
  std::string_view quote;
  std::string policy;
  std::string_view request, want;
};

std::string decide(std::string_view policy, std::string_view request) {
  Evaluator evaluator{table_of(policy)};
  RequestText text{request};
  Facts nobody_answers;
  nobody_answers.expire();
  return std::string{evaluator.evaluate(*text, nobody_answers)->action()};
}

std::string dump_of(std::string_view text) {
  const auto policy = policy_of(text);
  const auto table = compile(policy);
  REQUIRE(table);
  return dump(**table, policy);
}

void check_rules(std::initializer_list<Rule> rules) {
  for (const auto& rule : rules) {
    INFO(rule.quote << "\n" << rule.policy << "\n" << rule.request);
    CHECK(decide(rule.policy, rule.request) == rule.want);
  }
}

// Does one acl hold? "yes", "no" or "unknown", by two lines with it and with its negation.
std::string truth(std::string_view acl, std::string_view request) {
  const auto policy = fmt::format("acl a {}", acl) + "\naction yes REJECT yes\naction no REJECT no\naccess a yes\naccess !a no\n";
  const auto action = decide(policy, request);
  return action == "DUNNO" ? "unknown" : action.substr(7);
}

struct Holds {
  std::string_view acl, request, want;
};
void check_truths(std::initializer_list<Holds> cases) {
  for (const auto& one : cases) {
    INFO(one.acl << " | " << one.request);
    CHECK(truth(one.acl, one.request) == one.want);
  }
}

TEST_CASE("\"First match wins, in file order. Nothing matched: the action default, DUNNO unless defined\"") {
  const std::string policy = "acl a sender a\nacl b sender b\naction one REJECT 1\naction two REJECT 2\naccess a one\naccess b two\n";
  check_rules({
      {"first match wins", policy, "RCPT sender=ab@x", "REJECT 1"},
      {"in file order", policy, "RCPT sender=b@x", "REJECT 2"},
      {"DUNNO unless defined", policy, "RCPT sender=c@x", "DUNNO"},
      {"the action default", "acl a sender a\naction default DEFER wait\naction one OK\naccess a one\n", "RCPT sender=b", "DEFER wait"},
      {"No action means default", "acl a sender a\naction default DEFER wait\naccess a\n", "RCPT sender=a", "DEFER wait"},
      {"order matters only among access lines", "access a one\naction one REJECT 1\nacl a sender a\n", "RCPT sender=a", "REJECT 1"},
  });
}

TEST_CASE("\"An access line matches when all its tests are TRUE\"") {
  const std::string policy = "acl s sender foo\nacl r recipient bar\naction x OK\naccess s !r x\n";
  check_rules({{"both", policy, "RCPT sender=foo@x recipient=y@z", "OK"},
               {"one FALSE", policy, "RCPT sender=foo@x recipient=bar@z", "DUNNO"},
               {"one UNKNOWN", policy, "RCPT sender=foo@x recipient=", "DUNNO"}});
}

TEST_CASE("\"access !foo not_foo rejects nobody at CONNECT, where there is no sender yet\"") {
  const std::string policy = "acl foo sender foo@domain.com\naction not_foo REJECT You are not foo!\naccess !foo not_foo\n";
  check_rules({{"CONNECT", policy, "CONNECT sender=", "DUNNO"},
               {"EHLO", policy, "EHLO sender=", "DUNNO"},
               {"the null sender", policy, "RCPT sender=", "REJECT You are not foo!"},
               {"another sender", policy, "RCPT sender=bar@domain.com", "REJECT You are not foo!"},
               {"VRFY has no sender", policy, "VRFY sender= recipient=x@y", "DUNNO"},
               {"without protocol_state whatever was sent is known", policy, "sender=", "REJECT You are not foo!"},
               {"an attribute that was not sent is UNKNOWN", policy, "RCPT recipient=x@y", "DUNNO"}});
}

TEST_CASE("\"an empty one is known as empty only at these states, and UNKNOWN elsewhere\"") {
  struct Row { std::string_view attribute, empty; std::string_view known_at; };
  // Every attribute of the table, and one of "all others".
  static constexpr Row rows[] = {
      {"sender", "", "MAIL RCPT DATA END-OF-MESSAGE"},
      {"helo_name", "", "MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN"},
      {"sasl_method", "", "MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN"},
      {"sasl_username", "", "MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN"},
      {"sasl_sender", "", "MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN"},
      {"ccert_subject", "", "MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN"},
      {"ccert_pubkey_fingerprint", "", "MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN"},
      {"encryption_protocol", "", "MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN"},
      {"attribute:encryption_keysize", "0", "MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN"},
      {"tls_sni", "", "MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN"},
      {"attribute:recipient_count", "0", "DATA END-OF-MESSAGE"},
      {"attribute:size", "0", "END-OF-MESSAGE"},
      {"etrn_domain", "", "ETRN"},
      {"recipient", "", ""}, {"queue_id", "", ""}, {"instance", "", ""},
      {"client_name", "", "CONNECT EHLO HELO MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN XCLIENT"},
      {"policy_context", "", "CONNECT EHLO HELO MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN XCLIENT"},
      {"x_unknown", "", "CONNECT EHLO HELO MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN XCLIENT"},
  };
  for (const auto& row : rows) {
    for (const std::string state : {"CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN", "XCLIENT"}) {
      const auto name = row.attribute.starts_with("attribute:") ? row.attribute.substr(10) : row.attribute;
      const auto acl = std::string{row.attribute} + " match=exact something";
      const bool known = fmt::format(" {} ", row.known_at).find(fmt::format(" {} ", state)) != std::string::npos;
      INFO(acl << " at " << state);
      CHECK(truth(acl, fmt::format("{} {}={}", state, name, row.empty)) == (known ? "no" : "unknown"));
      CHECK(truth(acl, fmt::format("{} {}=something", state, name)) == "yes");
    }
  }
}

TEST_CASE("numbers: equality and operators; \"0 counts as empty\"; \"a value that does not parse is UNKNOWN\"") {
  check_truths({
      {"size 1000", "RCPT size=1001", "yes"}, {"size 1000", "RCPT size=1000", "no"},
      {"size >=1K", "RCPT size=1024", "yes"}, {"size <1K", "END-OF-MESSAGE size=1024", "no"},
      {"size <10M", "RCPT size=0", "unknown"}, {"size <10M", "MAIL size=0", "unknown"},
      {"size <10M", "END-OF-MESSAGE size=0", "yes"}, {"size 5", "RCPT size=banana", "unknown"}, {"size 5", "RCPT size=", "unknown"},
      {"size 5", "RCPT size=-6", "unknown"}, {"size 5", "RCPT size=99999999999999999999999", "unknown"},
      {"recipient_count 3", "DATA recipient_count=3", "yes"}, {"recipient_count 3", "DATA recipient_count=4", "no"},
      {"recipient_count 2-5", "DATA recipient_count=5", "yes"}, {"recipient_count >50", "RCPT recipient_count=0", "unknown"},
      {"recipient_count 0", "DATA recipient_count=0", "yes"}, {"client_port <1024", "CONNECT client_port=25", "yes"},
      {"client_port 0", "CONNECT client_port=0", "yes"},
      {"encryption_keysize >=128", "RCPT encryption_keysize=256", "yes"}, {"encryption_keysize >=128", "RCPT encryption_keysize=0", "no"},
      {"encryption_keysize >=128", "EHLO encryption_keysize=0", "unknown"},
  });
}

TEST_CASE("text: \"searched for the regular expressions, anywhere in it, in any letter case\"") {
  check_truths({
      {"sender foo@bar.com", "RCPT sender=xFOO@BARscom.example", "yes"},
      {"sender case=sensitive Foo", "RCPT sender=foo@x", "no"}, {"sender case=sensitive Foo", "RCPT sender=Foo@x", "yes"},
      {"recipient (sales|contact)@bar.com", "RCPT recipient=contact@bar.com", "yes"},
      {"sender \"^$\"", "RCPT sender=", "yes"},
      {"sender ^foo@bar\\.com$", "RCPT sender=FOO@bar.com", "yes"}, {"sender ^foo@bar\\.com$", "RCPT sender=foo@barXcom", "no"},
      {"helo_name (.)\\1", "RCPT helo_name=hello", "yes"}, {"helo_name (.)\\1", "RCPT helo_name=helo", "no"},
      {"helo_name ^(?!mx)", "RCPT helo_name=mx1", "no"}, {"helo_name ^(?!mx)", "RCPT helo_name=host", "yes"},
      {"sender match=exact foo@bar.com", "RCPT sender=FOO@Bar.com", "yes"}, {"sender match=exact foo@bar.com", "RCPT sender=xfoo@bar.com", "no"},
      {"sender match=exact <>", "RCPT sender=", "yes"}, {"sender match=exact <>", "CONNECT sender=", "unknown"},
      {"sender match=exact <>", "RCPT sender=a@b", "no"},
      {"sender match=prefix foo", "RCPT sender=Foo@x", "yes"}, {"sender match=prefix foo", "RCPT sender=xfoo@x", "no"},
      {"sender match=suffix .com", "RCPT sender=a@b.COM", "yes"}, {"sender match=suffix .com", "RCPT sender=a@b.community", "no"},
      {"sender match=glob *@bar.*", "RCPT sender=x@BAR.org", "yes"}, {"sender match=glob f?o@*", "RCPT sender=fooo@x", "no"},
      {"sender match=substring a.b", "RCPT sender=xxA.Bxx", "yes"}, {"sender match=substring a.b", "RCPT sender=aXb", "no"},
      {"sender match=exact case=sensitive A@b", "RCPT sender=a@b", "no"},
  });
}

TEST_CASE("match=domain: \"the domain part of the address, or the host name, is it or lies below it\"") {
  check_truths({
      {"sender match=domain x.org", "RCPT sender=a@x.org", "yes"}, {"sender match=domain x.org", "RCPT sender=a@mail.X.org", "yes"},
      {"sender match=domain x.org", "RCPT sender=a@fox.org", "no"}, {"sender match=domain .x.org", "RCPT sender=a@x.org", "no"},
      {"sender match=domain .x.org", "RCPT sender=a@b.x.org", "yes"}, {"sender match=domain x.org.", "RCPT sender=a@x.org.", "yes"},
      {"sender match=domain x.org", "RCPT sender=x.org", "no"}, {"client_name match=domain x.org", "RCPT client_name=h.x.org", "yes"},
      {"client_name match=domain x.org", "RCPT client_name=unknown", "no"}, {"sender match=domain x.org", "RCPT sender=", "no"},
      {"sender_domain match=domain x.org", "RCPT sender=a@y.x.org", "yes"},
      {"sender match=domain x.org", "RCPT sender=\"a@y.org\"@x.org", "yes"},
  });
}

TEST_CASE("derived texts: \"after and before the last @\", \"without its first label if three or more remain\"") {
  check_truths({
      {"sender_domain match=exact x.org", "RCPT sender=\"a@b\"@x.org", "yes"}, {"sender_localpart match=exact \"\\\"a@b\\\"\"", "RCPT sender=\"a@b\"@x.org", "yes"},
      {"sender_domain \"^$\"", "RCPT sender=postmaster", "yes"}, {"recipient_localpart match=exact bob", "RCPT recipient=bob@x", "yes"},
      {"sender_domain x", "CONNECT sender=", "unknown"}, {"sender_domain \"^$\"", "RCPT sender=", "yes"},
      {"helo_domain match=exact b.example.org", "RCPT helo_name=a.b.example.org", "yes"},
      {"helo_domain match=exact a.example.org", "RCPT helo_name=a.example.org", "yes"},
      {"client_domain \"^$\"", "RCPT client_name=unknown", "yes"}, {"helo_domain \"^$\"", "RCPT helo_name=[192.0.2.1]", "yes"},
      {"reverse_client_domain match=exact dyn.isp.net", "CONNECT reverse_client_name=h-1.dyn.isp.net", "yes"},
      {"helo_domain x", "CONNECT helo_name=", "unknown"},
  });
}

TEST_CASE("normalized_sender: SRS unwrapped, prvs= removed, VERP to its list, the extension cut") {
  struct Case { std::string_view sender, want; };
  static constexpr Case cases[] = {
      {"foo@x.org", "foo@x.org"}, {"foo+ext@x.org", "foo@x.org"}, {"foo+a+b@x.org", "foo@x.org"}, {"+x@x.org", "+x@x.org"},
      {"SRS0=HHH=TT=orig.org=foo@fwd.net", "foo@orig.org"}, {"srs0+HHH=TT=orig.org=foo+x@fwd.net", "foo@orig.org"},
      {"SRS1=HHH=fwd.net==HHH=TT=orig.org=foo@fwd2.net", "foo@orig.org"},
      {"prvs=1234abcd56=foo@x.org", "foo@x.org"}, {"list-bob=example.com@x.org", "list@x.org"},
      {"list-owner+bob=example.com@x.org", "list-owner@x.org"}, {"SRS0=broken@x.org", "SRS0=broken@x.org"}, {"nodomain", "nodomain"},
  };
  for (const auto& [sender, want] : cases) {
    INFO(sender);
    CHECK(truth("normalized_sender match=exact case=sensitive " + std::string{want}, "RCPT sender=" + std::string{sender}) == "yes");
  }
  CHECK(truth("normalized_sender match=exact <>", "CONNECT sender=") == "unknown");
}

TEST_CASE("addresses: \"IPv4-mapped IPv6 counts as IPv4; ::/0 holds no IPv4\"") {
  check_truths({
      {"client_address 192.0.2.0/24", "RCPT client_address=192.0.2.255", "yes"}, {"client_address 192.0.2.0/24", "RCPT client_address=192.0.3.0", "no"},
      {"client_address 192.0.2.0/24", "RCPT client_address=::ffff:192.0.2.7", "yes"}, {"client_address ::/0", "RCPT client_address=192.0.2.7", "no"},
      {"client_address 192.168.2.0/255.255.255.0", "CONNECT client_address=192.168.2.9", "yes"},
      {"client_address 192.168.3.0-192.168.3.9", "CONNECT client_address=192.168.3.10", "no"},
      {"client_address 2001:db8::/32", "RCPT client_address=2001:DB8::1", "yes"}, {"client_address 10.0.0.0/8", "RCPT client_address=unknown", "unknown"},
      {"client_address 10.0.0.0/8", "RCPT client_address=", "unknown"}, {"server_address 192.0.2.25", "RCPT server_address=192.0.2.25", "yes"},
      {"attribute:client_address ^10\\.", "RCPT client_address=10.1.2.3", "yes"},
  });
}

TEST_CASE("policy_context, protocol_*: \"text, match=exact\"; stress; tls and sasl attributes") {
  check_truths({
      {"policy_context context1 context2 silent", "RCPT policy_context=context2", "yes"},
      {"policy_context context1", "RCPT policy_context=context10", "no"}, {"policy_context context1 silent", "RCPT policy_context=silent", "no"},
      {"protocol_state RCPT DATA", "data", "yes"},
      {"protocol_state RCPT", "RCPT", "yes"}, {"protocol_name ESMTP", "RCPT protocol_name=SMTP", "no"},
      {"stress", "RCPT stress=yes", "yes"}, {"stress", "RCPT stress=", "no"}, {"stress", "RCPT", "unknown"},
      {"sasl_username .", "RCPT sasl_username=", "no"}, {"sasl_username .", "RCPT sasl_username=bob", "yes"},
      {"ccert_fingerprint match=exact AA:BB", "RCPT ccert_fingerprint=aa:bb", "yes"}, {"encryption_protocol ^TLSv1\\.3$", "RCPT encryption_protocol=TLSv1.3", "yes"},
  });
}

TEST_CASE("any, all and none are Kleene's") {
  // t is TRUE, f FALSE, u UNKNOWN.
  constexpr std::string_view three = "acl t protocol_state RCPT\nacl f protocol_state MAIL\nacl u recipient x\n";
  const auto value = [&](std::string_view how, std::string_view members) {
    const auto policy = std::string{three} + "acl c " + std::string{how} + " " + std::string{members} +
                        "\naction yes REJECT yes\naction no REJECT no\naccess c yes\naccess !c no\n";
    return decide(policy, "RCPT recipient=");
  };
  struct Case { std::string_view members, any, all, none; };
  static constexpr Case cases[] = {
      {"t", "REJECT yes", "REJECT yes", "REJECT no"}, {"f", "REJECT no", "REJECT no", "REJECT yes"}, {"u", "DUNNO", "DUNNO", "DUNNO"},
      {"t f", "REJECT yes", "REJECT no", "REJECT no"}, {"t u", "REJECT yes", "DUNNO", "REJECT no"}, {"f u", "DUNNO", "REJECT no", "DUNNO"},
      {"!f !u", "REJECT yes", "DUNNO", "REJECT no"}, {"!t !f", "REJECT yes", "REJECT no", "REJECT no"},
  };
  for (const auto& one : cases) {
    INFO(one.members);
    CHECK(value("any", one.members) == one.any);
    CHECK(value("all", one.members) == one.all);
    CHECK(value("none", one.members) == one.none);
  }
}

TEST_CASE("a combined acl and one inside it are remembered apart") {
  Evaluator evaluator{table_of("acl a sender x\nacl in all !a\nacl out none in\naction both OK\n"
                               "access in out both\n")};
  RequestText request{"RCPT sender=y"};
  CHECK(evaluator.evaluate(*request)->action() == "DUNNO");
}

TEST_CASE("day and time, in the system's zone: \"the end minute included, over midnight too\"") {
  // 2026-11-21 is a Saturday. mktime() takes the zone that local_time() uses.
  const auto at = [](int day, int hour, int minute, int second) {
    std::tm tm{};
    tm.tm_year = 126, tm.tm_mon = 10, tm.tm_mday = day, tm.tm_hour = hour, tm.tm_min = minute, tm.tm_sec = second, tm.tm_isdst = -1;
    return WallTime{std::chrono::seconds{std::mktime(&tm)}};
  };
  struct Case { std::string_view acl; int day, hour, minute, second; bool want; };
  static constexpr Case cases[] = {
      {"day sm", 22, 12, 0, 0, true}, {"day sm", 21, 12, 0, 0, false}, {"day SATURDAY,Sunday", 21, 0, 0, 0, true},
      {"day Monday Tuesday-Friday", 20, 12, 0, 0, true}, {"day Monday Tuesday-Friday", 21, 12, 0, 0, false},
      {"day Friday-Monday", 22, 1, 0, 0, true}, {"day Friday-Monday", 24, 1, 0, 0, false},
      {"time 08:00-17:00", 21, 8, 0, 0, true}, {"time 08:00-17:00", 21, 17, 0, 59, true}, {"time 08:00-17:00", 21, 17, 1, 0, false},
      {"time 22:00-06:00", 21, 23, 0, 0, true}, {"time 22:00-06:00", 21, 6, 0, 30, true}, {"time 22:00-06:00", 21, 12, 0, 0, false},
      {"time 18:00-24:00", 21, 23, 59, 59, true}, {"time 18:00-24:00", 22, 0, 0, 0, false}, {"time 09:00-09:00", 21, 3, 0, 0, true},
      {"date 2026-11-21..2026-11-22", 21, 0, 0, 0, true}, {"date 2026-11-20", 21, 0, 0, 0, false}, {"month November", 21, 5, 0, 0, true},
  };
  for (const auto& one : cases) {
    INFO(one.acl << " on " << one.day << " at " << one.hour << ":" << one.minute);
    Evaluator evaluator{table_of("acl a " + std::string{one.acl} + "\naction yes OK\naccess a yes\n")};
    RequestText request{"RCPT"};
    (*request).now = at(one.day, one.hour, one.minute, one.second);
    CHECK((evaluator.evaluate(*request)->action() == "OK") == one.want);
  }
}

TEST_CASE("Zone: the system's unless tz=Europe/Berlin; summer time takes an hour and gives it back") {
  Evaluator evaluator{table_of("acl night time tz=Europe/Berlin 02:00-02:59\n"
                               "acl tokyo day tz=Asia/Tokyo Sunday\n"
                               "acl berlin day tz=Europe/Berlin Sunday\n"
                               "action both 450 both\naction n OK\naction b 450 berlin\naction t 450 tokyo\n"
                               "access night n\naccess tokyo berlin both\naccess tokyo t\naccess berlin b\n")};
  struct Case { std::int64_t utc; std::string_view want; };
  static constexpr Case cases[] = {
      {1774745999, "450 both"}, {1774746000, "450 both"},           // 2026-03-29: there is no 02:00 to 02:59
      {1792886399, "450 both"}, {1792886400, "OK"}, {1792889999, "OK"},  // 2026-10-25: there it is
      {1792890000, "OK"}, {1792893599, "OK"}, {1792893600, "450 both"},  // and once more
      {1792854000, "450 tokyo"}, {1792940400, "450 berlin"}};
  for (const auto& [utc, want] : cases) {
    CAPTURE(utc);
    RequestText request{"RCPT"};
    (*request).now = WallTime{std::chrono::seconds{utc}};
    CHECK(evaluator.evaluate(*request)->action() == want);
  }
}

TEST_CASE("LOG, SCORE, TAG \"go on to the next line afterwards\"; score and tag see what was collected so far") {
  const std::string head = "acl all protocol_state RCPT\nacl bad score >=3\nacl odd tag odd\nacl early score 0\n"
                           "action two SCORE 2\naction onehalf SCORE +1.5 odd\naction minus SCORE -0.25\naction t TAG odd\n"
                           "action no REJECT ${score} ${tags}\naction ok OK\n";
  check_rules({
      {"scores add up", head + "access all two\naccess all onehalf\naccess bad no\n", "RCPT", "REJECT 3.5 odd"},
      {"a tag set so far", head + "access odd ok\naccess all t\naccess odd no\n", "RCPT", "REJECT 0 odd"},
      {"so far", head + "access bad ok\naccess all two\naccess all two\naccess bad no\n", "RCPT", "REJECT 4"},
      {"signed", head + "access all two\naccess all minus\naccess all no\n", "RCPT", "REJECT 1.75"},
      {"N is equality", head + "access early ok\n", "RCPT", "OK"},
  });
}

TEST_CASE("chains: \"when nothing in it matched, go on here\"; \"a chain runs anew each time it is called\"") {
  const std::string policy =
      "acl all protocol_state RCPT\nacl a sender a\nacl b sender b\nacl c sender c\nacl much score >=4\n"
      "action no REJECT ${score}\naction in CHAIN inner\naction two SCORE 2\naction back RETURN\naction ok OK\naction default DEFER\n"
      "access all in\naccess all in\naccess much no\naccess c back\naccess all ok\n"
      "chain inner\naccess a no\naccess b back\naccess all two\n";
  check_rules({{"it ends the request", policy, "RCPT sender=a", "REJECT 0"},
               {"RETURN leaves the chain", policy, "RCPT sender=b", "OK"},
               {"scores add up again", policy, "RCPT sender=x", "REJECT 4"},
               {"RETURN in main ends with the default", "acl all protocol_state RCPT\naction back RETURN\naction ok OK\naction default DEFER\n"
                "access all back\naccess all ok\n", "RCPT", "DEFER"}});
}

TEST_CASE("${...}: \"what the client controls\" is made safe, a missing value is empty") {
  constexpr std::string_view head = "acl all protocol_state RCPT\nacl s sender @\naccess all s x\naction x ";
  const auto action = [&](std::string_view text, std::string_view request) { return decide(std::string{head} + std::string{text} + "\n", request); };
  CHECK(action("REJECT ${sender} to ${recipient}!", "RCPT sender=a@b") == "REJECT a@b to !");
  CHECK(action("REJECT ${sender}", "RCPT sender=a\x01\xff@b") == "REJECT a??@b");
  CHECK(action("REJECT ${sender_domain} $${x} $5 $", "RCPT sender=a@b") == "REJECT b ${x} $5 $");
  CHECK(action("REJECT ${rule}", "RCPT sender=a@b") == "REJECT policy.conf:3");
  CHECK(action("REJECT ${acl.s}", "RCPT sender=a@b") == "REJECT a@b");
  CHECK(action("REJECT ${sender}", "RCPT sender=${recipient}@b recipient=x") == "REJECT ${recipient}@b");
  CHECK(action("REJECT " + std::string(390, 'x') + "${sender}", "RCPT sender=" + std::string(50, 'y') + "@b").size() == 7 + 400);
}

TEST_CASE("\"A result that is invalid when it is made lets the line not match, with a log line\"") {
  Evaluator evaluator{table_of("acl all protocol_state RCPT\naction maybe 450 ${sasl_username}\naction ok OK\naccess all maybe\naccess all ok\n")};
  RequestText nobody{"RCPT sasl_username="}, bob{"RCPT sasl_username=bob"};
  CHECK(evaluator.evaluate(*bob)->action() == "450 bob");
  const auto* decision = evaluator.evaluate(*nobody);
  CHECK(decision->action() == "OK");
  REQUIRE(decision->effects.size() == 1);
  CHECK(decision->effects[0].kind == Effect::Kind::warning);
  CHECK(decision->matched.size() == 1);
}

TEST_CASE("\"types of later rooms give UNKNOWN\", and count as failed look-ups") {
  MemoryFiles files{{{"policy.conf", "acl listed rbl zen.example\naction default REJECT No\naction ok OK\naccess !listed ok\n"}}};
  const auto loaded = load_policy(files, "policy.conf", {});
  REQUIRE(loaded.policy);
  CHECK(loaded.diagnostics.size() == 1);
  Evaluator evaluator{*compile(*loaded.policy)};
  RequestText request{"RCPT client_address=192.0.2.1"};
  CHECK(evaluator.evaluate(*request)->action() == "DEFER 4.7.1 Temporary look-up failure");
}

TEST_CASE("combined acls that share members cost once each, when compiled, when evaluated and while answers are out") {
  const auto tower = [](std::string_view how, std::string_view leaf) {
    std::string text = fmt::format("acl x0 {}\nacl y0 {}\naction no REJECT\n", leaf, leaf);
    for (int i = 1; i < 90; ++i) {
      text += fmt::format("acl x{0} {2} x{1} y{1}\nacl y{0} {2} y{1} x{1}\n", i, i - 1, how);
    }
    return text + "access x89 no\n";
  };
  for (const auto how : {"any", "all", "none"}) {
    INFO(how);
    CHECK(decide(tower(how, "sender a"), "CONNECT sender=") == "DUNNO");
    decide(tower(how, "score 1"), "RCPT");
    Evaluator evaluator{table_of(tower(how, "rbl zen.example"))};
    RequestText request{"RCPT client_address=192.0.2.1"};
    Facts facts;
    CHECK(evaluator.evaluate(*request, facts) == nullptr);
    CHECK(evaluator.needs().size() == 1);
  }
}

TEST_CASE("the site's restriction classes are actions also where the text is made at run time") {
  MemoryFiles files{{{"policy.conf", "acl all protocol_state RCPT\naction r my_class, reject_rbl_client ${sender_domain}\naccess all r\n"}}};
  const std::vector<std::string> classes{"my_class"};
  const auto loaded = load_policy(files, "policy.conf", {.restriction_classes = classes});
  REQUIRE(loaded.policy);
  Evaluator evaluator{*compile(*loaded.policy)};
  RequestText request{"RCPT sender=a@bl.example"};
  CHECK(evaluator.evaluate(*request)->action() == "my_class, reject_rbl_client bl.example");
}

TEST_CASE("<> of a list is the null sender for sender alone, also where another attribute shares the list") {
  MemoryFiles files{{{"policy.conf", "acl s sender match=exact /list\nacl h helo_name match=exact /list\n"
                                     "action sender OK\naction helo DEFER helo\naccess s sender\naccess h helo\n"},
                     {"/list", "<>\n"}}};
  const auto loaded = load_policy(files, "policy.conf", {});
  REQUIRE(loaded.policy);
  Evaluator evaluator{*compile(*loaded.policy)};
  RequestText bounce{"RCPT sender= helo_name=x"}, nothing{"RCPT sender=a@b helo_name="}, odd{"RCPT sender=a@b helo_name=<>"};
  CHECK(evaluator.evaluate(*bounce)->action() == "OK");
  CHECK(evaluator.evaluate(*nothing)->action() == "DUNNO");
  CHECK(evaluator.evaluate(*odd)->action() == "DEFER helo");
}

TEST_CASE("${rule} is whole where the path has a blank") {
  MemoryFiles files{{{"a b/policy.conf", "acl all protocol_state RCPT\naction r REJECT ${rule}\naccess all r\n"}}};
  const auto loaded = load_policy(files, "a b/policy.conf", {});
  REQUIRE(loaded.policy);
  Evaluator evaluator{*compile(*loaded.policy)};
  RequestText request{"RCPT"};
  CHECK(evaluator.evaluate(*request)->action() == "REJECT a b/policy.conf:3");
}

TEST_CASE("a line is looked at only when its guard holds") {
  CHECK(dump_of("acl a sender match=exact a@b\nacl n client_address 192.0.2.0/24\nacl d day m\nacl r recipient x+\n"
                "acl either any a n\nacl both all d a\nacl neither none !a n\naction no REJECT\naccess a n no\n"
                "access !a no\naccess d no\naccess either no\naccess both no\naccess neither no\naccess r d no\n") ==
        "group 0: sender exact\ngroup 1: client_address address\ngroup 2: recipient regex\nchain main: asks 0 1 2\n"
        "  policy.conf:9 a n: guard a\n  policy.conf:10 !a: guard none\n  policy.conf:11 d: guard none\n"
        "  policy.conf:12 either: guard a n\n  policy.conf:13 both: guard a\n  policy.conf:14 neither: guard a\n"
        "  policy.conf:15 r d: guard r\n");
}

TEST_CASE("what computes least is asked first") {
  const auto text = dump_of("acl r recipient x+\nacl net client_address 192.0.2.0/24\nacl to recipient match=domain b\n"
                            "acl a sender match=exact a@b\naction no REJECT\n"
                            "access r no\naccess net no\naccess to no\naccess a no\n");
  CAPTURE(text);
  CHECK(text.starts_with("group 0: recipient regex\ngroup 1: client_address address\ngroup 2: recipient domain\n"
                         "group 3: sender exact\nchain main: asks 2 3 1 0\n"));
}

TEST_CASE("explain: each line, each test TRUE, FALSE or UNKNOWN and why, and the decision") {
  const auto policy = policy_of("acl bad sender match=domain bad.test\nacl net client_address 192.0.2.0/24\nacl to recipient x\nacl much score >=1\n"
                                "action no REJECT No\naction s SCORE 1.5\naccess net s\naccess to much no\naccess bad much no\naccess bad no\n");
  Evaluator evaluator{*compile(policy)};
  RequestText request{"RCPT sender=a@bad.test client_address=192.0.2.7 recipient="};
  CHECK(to_text(explain(policy, evaluator, *request)) ==
        "request: RCPT client=[192.0.2.7] helo=\"\" sender=\"a@bad.test\" recipient=\"\"\n"
        "policy.conf:7: access net s\n    net: TRUE (client_address=\"192.0.2.7\" is in 192.0.2.0/24)\n  match: s\n"
        "policy.conf:8: access to much no\n    to: UNKNOWN (recipient is not known at RCPT)\n    much: TRUE (the score is 1.5)\n  no match\n"
        "policy.conf:9: access bad much no\n    bad: TRUE (sender=\"a@bad.test\" matches \"bad.test\")\n    much: TRUE (the score is 1.5)\n  match: no\n"
        "policy.conf:10: access bad no\n    bad: TRUE (sender=\"a@bad.test\" matches \"bad.test\")\n  not reached\n"
        "decision: REJECT No (policy.conf:9)\nscore: 1.5 (policy.conf:7)\n");
}

TEST_CASE("explain: a line that would ask a service says so, where it would come to that") {
  const auto policy = policy_of("acl bad sender match=domain bad.test\nacl good sender match=domain good.test\n"
                                "action ask POLICY grey\naction no REJECT No\n"
                                "access good ask\naccess bad ask\naccess bad no\naccess bad ask\n");
  Evaluator evaluator{*compile(policy)};
  RequestText request{"RCPT sender=a@bad.test"};
  const auto explanation = explain(policy, evaluator, *request);
  std::vector<std::string> would_ask;
  for (const auto& line : explanation.lines) would_ask.push_back(line.would_ask);
  CHECK(would_ask == std::vector<std::string>{"", "POLICY grey", "", ""});
  const auto text = to_text(explanation);
  CHECK(text.find("access bad ask\n    bad: TRUE (sender=\"a@bad.test\" matches \"bad.test\")\n"
                  "  POLICY grey is not asked here\n") != text.npos);
  CHECK(text.find("decision: REJECT No (policy.conf:7, as nobody was asked)\n") != text.npos);
}

TEST_CASE("explain: a line that waits for an answer says whom it would ask, where it would come to that") {
  const auto policy = policy_of("acl svc rbl one.example\nacl sure rbl on_error=match two.example\nacl both all svc good\n"
                                "acl good sender match=domain good.test\nacl bad sender match=domain bad.test\n"
                                "action no REJECT No\naction ok OK\n"
                                "access svc good no\naccess svc bad no\naccess both no\naccess bad sure ok\n");
  Evaluator evaluator{*compile(policy)};
  RequestText request{"RCPT sender=a@bad.test client_address=192.0.2.7"};
  const auto explanation = explain(policy, evaluator, *request);
  std::vector<std::string> would_ask;
  for (const auto& line : explanation.lines) would_ask.push_back(line.would_ask);
  CHECK(would_ask == std::vector<std::string>{"", "RBL one.example", "", "RBL two.example"});
  CHECK(explanation.nobody_asked);
  CHECK(to_text(explanation).find("decision: OK (policy.conf:11, as nobody was asked)\n") != std::string::npos);
  RequestText nowhere{"RCPT sender=a@bad.test"};
  CHECK_FALSE(explain(policy, evaluator, *nowhere).nobody_asked);
}

TEST_CASE("explain: another kind of request is DUNNO whatever the lines say") {
  const auto policy = policy_of("acl bad sender match=domain bad.test\naction no REJECT No\naccess bad no\n");
  Evaluator evaluator{*compile(policy)};
  RequestText request{"RCPT request=foo sender=a@bad.test"};
  const auto explanation = explain(policy, evaluator, *request);
  CHECK(explanation.lines.empty());
  CHECK(to_text(explanation).find("decision: DUNNO (request=foo is no policy request)\n") != std::string::npos);
}

}  // namespace
}  // namespace policymux::test

// LANGUAGE.md, "Tests (acl types)": types, options and values, as far as loading goes.

#include <cctype>
#include <string>
#include <vector>

#include "load_helper.h"
#include "match/regex.h"
#include "rule/types.h"
#include "rule/values.h"

using namespace policymux;

namespace {

template <class Test>
Test test_of(const std::string& acl) {
  return std::get<Test>(load("acl a " + acl + "\n").acls.at(0).test);
}

}  // namespace

TEST_CASE("Every attribute of the protocol is a type") {
  for (std::size_t i = 0; i < attribute_count; ++i) {
    const auto attribute = static_cast<Attribute>(i);
    CAPTURE(attribute_name(attribute));
    const auto* type = find_acl_type(attribute_name(attribute));
    REQUIRE(type != nullptr);
    CHECK(type->attribute == attribute);
    CHECK(type->derivation == Derivation::none);
  }
}

TEST_CASE("every type has a name of its own, and its place in the table") {
  for (const auto& type : acl_types()) {
    CAPTURE(type.name);
    CHECK(find_acl_type(type.name) == &type);
  }
  CHECK(find_acl_type("learn") == nullptr);
  CHECK(find_acl_type("policy") == nullptr);
}

TEST_CASE("attribute:NAME always means an attribute") {
  const auto known = test_of<TextTest>("attribute:client_address ^192");
  CHECK(known.source == Source{Attribute::client_address, Derivation::none, "client_address"});
  const auto derived = test_of<TextTest>("attribute:sender_domain x");
  CHECK(derived.source == Source{std::nullopt, Derivation::none, "sender_domain"});
  const auto near = test_of<TextTest>("attribute:sendr x");
  CHECK(near.source == Source{std::nullopt, Derivation::none, "sendr"});
}

TEST_CASE(
    "so does an unknown name, with a warning, unless it is within two edits of a known type or attribute (one for "
    "names under five letters): then it is an error with a hint") {
  const auto unknown = try_policy("acl a x_new x\nacl b x_new y\n");
  REQUIRE(unknown.policy);
  CHECK(std::get<TextTest>(unknown.policy->acls[0].test).source.name == "x_new");
  CHECK(told(unknown.diagnostics) ==
        "1:7: warning: unknown acl type 'x_new': taken as an attribute of that name (attribute:x_new says that it is "
        "one)\n");
  struct Case { std::string name; bool is_error; };
  for (const auto& [name, is_error] : {Case{"sendr", true},
                                       {"sendre", true},
                                       {"xxnder", true},
                                       {"xxxder", false},
                                       {"tme", true},
                                       {"tm", false},
                                       {"rbbl", true},
                                       {"rlbl", true},
                                       {"zzbl", false},
                                       {"helo_nam", true}}) {
    CAPTURE(name);
    CHECK(try_policy("acl a " + name + " x\n").policy.has_value() == !is_error);
  }
}

TEST_CASE("match=regex|exact|domain|prefix|suffix|glob|substring, case=sensitive") {
  const std::pair<std::string, TextMatch> cases[] = {
      {"", TextMatch::regex}, {"match=regex", TextMatch::regex}, {"match=exact", TextMatch::exact},
      {"match=domain", TextMatch::domain}, {"match=prefix", TextMatch::prefix}, {"match=suffix", TextMatch::suffix},
      {"match=glob", TextMatch::glob}, {"match=substring", TextMatch::substring}};
  for (const auto& [option, match] : cases) {
    CAPTURE(option);
    CHECK(test_of<TextTest>("sender " + option + " x.org").match == match);
  }
  CHECK_FALSE(test_of<TextTest>("sender x").case_sensitive);
  CHECK(test_of<TextTest>("sender case=sensitive x").case_sensitive);
}

TEST_CASE("match=domain: values are domains, or .below; what has an '@' is an error with a hint") {
  CHECK(test_of<TextTest>("sender match=domain x.org .x.org x.org. localhost").values.size() == 4);
  CHECK(told_of("acl a sender match=domain foo@x.org\n") ==
        "1:27: error: 'foo@x.org' is no domain: it has an '@' (did you mean 'x.org'?)\n");
  for (const std::string bad : {"a..b", ".", "..", "\"a b\"", "x/y", "*.x.org"}) {
    CAPTURE(bad);
    CHECK_FALSE(try_policy("acl a sender match=domain " + bad + "\n").policy);
  }
}

TEST_CASE("<> as an exact value of sender is the null sender") {
  CHECK(test_of<TextTest>("sender match=exact <>").values == std::vector<std::string>{"<>"});
}

TEST_CASE("regular expressions are checked, at their place") {
  const auto text = told_of("acl a sender good (bad\n");
  CHECK(text.starts_with("1:19: error: "));
  CHECK(try_policy("acl a sender ^(a|b)+@[^.]*\\.org$ \\d{2,3} (?i)x (?!no)yes\n").policy);
  for (const std::string bad : {"[", "*x", "a\\", "(?P<n", "x{3,2}"}) {
    CAPTURE(bad);
    CHECK_FALSE(try_policy("acl a sender " + bad + "\n").policy);
  }
}

TEST_CASE("what counts as a plain pattern is one to every engine: it need not be compiled to be checked") {
  std::string punctuation;
  for (char c = '!'; c <= '~'; ++c) {
    if (!std::isalnum(static_cast<unsigned char>(c))) punctuation += c;
  }
  std::vector<std::string> patterns = {"^", "$", "^$", "^a.b$", ""};
  for (const char c : punctuation) {
    for (const std::string& middle : {std::string{c}, std::string{'\\', c}}) {
      for (const std::string& around : {middle, "a" + middle, middle + "b", "a" + middle + "b", middle + middle})
        patterns.push_back(around);
    }
  }
  std::size_t plain = 0;
  for (const auto& pattern : patterns) {
    CAPTURE(pattern);
    if (!is_plain_pattern(pattern)) continue;
    ++plain;
    CHECK(Pattern::parse(pattern, false));
    CHECK(Pattern::parse(pattern, true));
  }
  CHECK(plain > 150);
  for (const std::string pattern :
       {R"(a\)", R"(\d)", "a|b", "a^b", "a$b", "(", "[a]", "a*", "a{2}", R"(\1)", "\xff", "\xc3\xa9"}) {
    CAPTURE(pattern);
    CHECK_FALSE(is_plain_pattern(pattern));
  }
}

TEST_CASE("on_error=match|nomatch|unknown on an acl (default unknown)") {
  for (const std::string type : {"sender", "client_address", "size", "time", "score", "tag", "any", "rbl"}) {
    CAPTURE(type);
    const auto value = type == "any" ? "b" : type == "time" ? "08:00-09:00" : type == "client_address" ? "::1" : "1";
    const auto loaded = try_policy("acl a " + type + " on_error=match " + value + "\nacl b sender match=exact x\n");
    REQUIRE(loaded.policy);
    CHECK(loaded.policy->acls[0].on_error == OnError::match);
  }
  CHECK(load("acl a sender x\n").acls[0].on_error == OnError::unknown);
  CHECK(load("acl a sender on_error=nomatch x\n").acls[0].on_error == OnError::nomatch);
}

TEST_CASE(
    "policy_context, protocol_name, protocol_state: text, match=exact; silent among the values is no value: it keeps "
    "the test out of the log") {
  for (const std::string type : {"policy_context", "protocol_name", "protocol_state"}) {
    CAPTURE(type);
    const auto policy = load("acl a " + type + " DATA silent rcpt\n");
    CHECK(policy.acls[0].silent);
    CHECK(values_of(policy) == std::vector<std::string>{"DATA", "rcpt"});
    CHECK(std::get<TextTest>(policy.acls[0].test).match == TextMatch::exact);
    CHECK(std::get<TextTest>(load("acl a " + type + " match=regex x\n").acls[0].test).match == TextMatch::regex);
    const auto quoted = try_policy("acl a " + type + " \"silent\"\n");
    CHECK_FALSE(quoted.policy->acls[0].silent);
    CHECK(quoted.diagnostics.empty() == (type != "protocol_state"));  // Postfix sends no such state
  }
  CHECK(told_of("acl a policy_context silent\n") == "1:28: error: acl without a value\n");
  CHECK(values_of(load("acl a sender silent\n")) == std::vector<std::string>{"silent"});
}

TEST_CASE("size, recipient_count, client_port, encryption_keysize are numbers") {
  CHECK(test_of<NumberTest>("size 10").ranges == std::vector<NumberRange>{{.first = 11}});
  CHECK(test_of<NumberTest>("recipient_count 10").ranges == std::vector<NumberRange>{{10, 10}});
  CHECK(test_of<NumberTest>("client_port <1024 25-30").ranges.size() == 2);
  CHECK(test_of<NumberTest>("encryption_keysize >=128").source.attribute == Attribute::encryption_keysize);
  CHECK(test_of<TextTest>("server_port ^25$").source.attribute == Attribute::server_port);
}

TEST_CASE("client_address, server_address: address, CIDR, net/netmask, first-last") {
  CHECK(test_of<AddressTest>("client_address 192.0.2.1 192.0.2.0/24 192.0.2.0/255.255.255.0 192.0.2.1-192.0.2.9 ::/0")
            .ranges.size() == 5);
  CHECK(count_errors(
            try_policy("acl a client_address 192.0.2.1/24 192.0.2.9-192.0.2.1 ::1-192.0.2.1 banana\n").diagnostics) ==
        4);
}

TEST_CASE("day: apolicy's two day syntaxes (sat alone is an error), names separated by commas or blanks") {
  CHECK(test_of<CalendarTest>("day sm").days == 0b0000011);
  CHECK(test_of<CalendarTest>("day SATURDAY,Sunday").days == 0b1000001);
  CHECK(test_of<CalendarTest>("day Monday Tuesday-Friday").days == 0b0111110);
  CHECK(test_of<CalendarTest>("day Saturday, Sunday").days == 0b1000001);
  for (const std::string_view days :
       {"Monday , Friday", "Monday ,Friday", "Monday, Friday", "Monday,Friday ,", ", m f"}) {
    CAPTURE(days);
    CHECK(test_of<CalendarTest>("day " + std::string{days}).days == 0b0100010);
  }
  CHECK_FALSE(try_policy("acl a day sat\n").policy);
  CHECK(told_of("acl a day ,\n") == "1:12: error: acl without a value\n");
}

TEST_CASE("time, date, month") {
  CHECK(test_of<CalendarTest>("time 08:00-17:00 22:00-06:00").times.size() == 2);
  CHECK(test_of<CalendarTest>("date 2026-12-24..2027-01-02").dates == std::vector<DateRange>{{20261224, 20270102}});
  for (const std::string_view months : {"1 mar,December", "1 , mar ,December", "1, 3, Dec"}) {
    CAPTURE(months);
    CHECK(test_of<CalendarTest>("month " + std::string{months}).months == ((1 << 1) | (1 << 3) | (1 << 12)));
  }
  CHECK(told_of("acl a month ,,\n") == "1:15: error: acl without a value\n");
}

TEST_CASE("Zone: the system's unless tz=Europe/Berlin") {
  for (const std::string test : {"time tz=Europe/Berlin 08:00-17:00", "day tz=Asia/Kathmandu Monday",
                                 "date tz=America/New_York 2026-12-24", "month tz=UTC 12"}) {
    CAPTURE(test);
    const auto policy = load("acl a " + test + "\n");
    const auto& zone = std::get<CalendarTest>(policy.acls[0].test).zone;
    REQUIRE(zone);
    CHECK(test.find("tz=" + std::string{zone->name()} + ' ') != test.npos);
  }
  CHECK_FALSE(std::get<CalendarTest>(load("acl a month 12\n").acls[0].test).zone);
}

TEST_CASE("a time zone that the system does not have is an error") {
  const std::pair<std::string, std::string> cases[] = {
      {"Europe/Berln", "'Europe/Berln' is no time zone of this system (did you mean 'Europe/Berlin'?)"},
      {"Middle/Earth", "'Middle/Earth' is no time zone of this system (as in Europe/Berlin)"},
      {"../../../etc/passwd", "'../../../etc/passwd' is no time zone of this system (as in Europe/Berlin)"},
      {"a|b", "'a|b' is no time zone of this system (as in Europe/Berlin)"}};
  for (const auto& [name, error] : cases) {
    CHECK(told_of("acl a time tz=" + name + " 08:00-17:00\n") == "1:12: error: " + error + "\n");
  }
  CHECK(told_of("acl a time tz=Europe/Berlin 08:00-17:00\nacl a time tz=Asia/Tokyo 18:00-19:00\n")
            .find("has other options") != std::string::npos);
}

TEST_CASE("stress: TRUE under Postfix's stress mode (yes)") {
  CHECK(test_of<StressTest>("stress").wanted);
  CHECK(test_of<StressTest>("stress yes").wanted);
  CHECK_FALSE(test_of<StressTest>("stress no").wanted);
  CHECK_FALSE(try_policy("acl a stress perhaps\n").policy);
}

TEST_CASE("log: writes its values as a line to the log") {
  const auto policy = load("acl a log from ${sender} \"  at\" /no/file\nacl a log more\nacl b log\n");
  const auto& parts = std::get<LogTest>(policy.acls[0].test).text.parts;
  REQUIRE(parts.size() == 3);
  CHECK(std::get<Template::Literal>(parts[0]).text == "from ");
  CHECK(std::get<Template::Attr>(parts[1]).source.attribute == Attribute::sender);
  CHECK(std::get<Template::Literal>(parts[2]).text == "   at /no/file more");
  CHECK(std::get<LogTest>(policy.acls[1].test).text.parts.empty());
  CHECK(policy.kind_of(0) == TestKind::log);
}

TEST_CASE("any, all, none: names of other acls, also !name, combined") {
  const auto policy = load("acl a any b !c\nacl d none a\nacl b sender match=exact x\nacl c score 1\n");
  const auto& test = std::get<CompositeTest>(policy.acls[0].test);
  CHECK(test.how == CompositeTest::How::any);
  CHECK(test.terms == std::vector<Term>{{2, false}, {3, true}});
  CHECK(policy.depends_on_score(1));
  CHECK_FALSE(policy.depends_on_score(2));
  CHECK(told_of("acl a any x\n") == "1:11: error: unknown acl 'x'\n");
}

TEST_CASE("Acting tests and log are errors inside any, all and none; a composite of a reading test is reading") {
  for (const std::string acting : {"greylisting", "rate limit=1/1s", "quota limit=1/1s",
                                   "distinct of=country limit=1/1s", "service x", "lua f", "log x"}) {
    CAPTURE(acting);
    const auto loaded = try_policy("acl a any b\nacl b " + acting + "\n");
    CHECK(count_errors(loaded.diagnostics) == 1);
  }
  const auto loaded = try_policy("acl a all b\nacl b any c d\nacl c rbl zen.example\nacl d sender x\n");
  REQUIRE(loaded.policy);
  CHECK(loaded.policy->kind_of(0) == TestKind::reading);
  CHECK(loaded.policy->kind_of(3) == TestKind::inline_test);
}

TEST_CASE("score, tag: number comparison against the score collected so far; a tag set so far") {
  CHECK(test_of<ScoreTest>("score >=5.5 -1").ranges == std::vector<NumberRange>{{.first = 5500}, {-1000, -1000}});
  CHECK(test_of<TagTest>("tag spam ham").tags == std::vector<std::string>{"spam", "ham"});
  CHECK_FALSE(try_policy("acl a tag a,b\n").policy);
}

// LANGUAGE.md, "Verbs (action types)", as far as loading goes.

#include <string>

#include "load_helper.h"
#include "rule/template.h"

using namespace policymux;

namespace {

Action action_of(const std::string& text) { return load("action a " + text + "\n").actions.at(0); }

constexpr std::string_view table_acl = "acl t table key=recipient routes\n";

}  // namespace

TEST_CASE("Every action of access(5), checked at load") {
  for (const std::string bad : {"550", "450", "FILTER smtp", "REDIRECT joe", "BCC joe", "PREPEND no header", "BLA",
                                "200", "reject_rbl_client"}) {
    CAPTURE(bad);
    CHECK(told_of("action a " + bad + "\n").starts_with("1:10: error: "));
  }
  const std::pair<std::string, Verb> good[] = {
      {"DUNNO", Verb::dunno}, {"OK", Verb::ok}, {"REJECT no", Verb::reject}, {"450 4.7.1 later", Verb::code_4nn},
      {"550 no", Verb::code_5nn}, {"FILTER smtp:[::1]:25", Verb::filter}, {"PREPEND X-A: b", Verb::prepend},
      {"reject_unverified_sender, reject_rbl_client list.example", Verb::restriction}};
  for (const auto& [text, verb] : good) {
    CAPTURE(text);
    CHECK(action_of(text).verb == verb);
    CHECK(action_of(text).kind == Action::Kind::answer);
  }
}

TEST_CASE("a list of the site's own classes (restriction_classes in main.conf) is an action too") {
  const std::vector<std::string> classes = {"permissive"};
  CHECK(told_of("action a permissive\n", {.restriction_classes = classes}).empty());
  CHECK_FALSE(told_of("action a permissive\n").empty());
}

TEST_CASE("A verb is sent as written. TEXT is taken as it stands, quotes included") {
  CHECK(action_of("Reject He said \"no\"").text.constant() == "Reject He said \"no\"");
  CHECK(action_of("REJECT it isn\"t # much").text.constant() == "REJECT it isn\"t # much");
  CHECK(action_of("REJECT a\n  # comment\n   b").text.constant() == "REJECT a b");
  CHECK(action_of("LOG say \"x\"").text.constant() == "say \"x\"");
}

TEST_CASE("It may contain ${attribute}, ${score}, ${tags}, ${rule}") {
  const auto parts = action_of("REJECT ${sender_domain}/${score}${tags} ${rule}").text.parts;
  REQUIRE(parts.size() == 7);
  CHECK(std::get<Template::Attr>(parts[1]).source == Source{Attribute::sender, Derivation::domain, "sender_domain"});
  CHECK(std::holds_alternative<Template::Score>(parts[3]));
  CHECK(std::holds_alternative<Template::Tags>(parts[4]));
  CHECK(std::holds_alternative<Template::Rule>(parts[6]));
}

TEST_CASE("and ${acl.NAME} or ${acl.NAME.FIELD} for what a test found; names may have dots") {
  constexpr QuestionKind all[] = {QuestionKind::rbl};
  const auto policy = load(
      "action a REJECT ${acl.b.text}${acl.b}${acl.c.d}${acl.c.d.list}\nacl b rbl x.example\nacl c.d rbl y.example\n",
      {.built_in = all});
  const auto& parts = policy.actions[0].text.parts;
  REQUIRE(parts.size() == 5);
  CHECK(std::get<Template::Acl>(parts[1]).field == 1u);
  CHECK_FALSE(std::get<Template::Acl>(parts[2]).field);
  CHECK(std::get<Template::Acl>(parts[3]).acl == 1);
  CHECK(std::get<Template::Acl>(parts[4]).acl == 1);
  CHECK(std::get<Template::Acl>(parts[4]).field == 0u);
}

TEST_CASE("inline tests have no fields, and composites and log tell nothing") {
  const std::string acls = "acl s sender x\nacl any any s\nacl l log\n";
  CHECK(told_of(acls + "action a REJECT ${acl.s.text}\n") ==
        "4:17: error: no field 'text': tests of type sender have no fields (${acl.s} is what it found)\n");
  CHECK(told_of(acls + "action a REJECT ${acl.any}\n") ==
        "4:17: error: acl 'any' finds nothing to tell: it is of type any\n");
  CHECK(told_of(acls + "action a REJECT ${acl.l}\n") ==
        "4:17: error: acl 'l' finds nothing to tell: it is of type log\n");
}

TEST_CASE("$${ is a literal ${, $ without { is itself") {
  const std::pair<std::string, std::string> cases[] = {{"REJECT $${sender}", "REJECT ${sender}"},
                                                       {"REJECT $5 $ $$ a$", "REJECT $5 $ $$ a$"},
                                                       {"REJECT $$${x}", "REJECT $${x}"}};
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    CHECK(action_of(text).text.constant() == expected);
  }
  CHECK(split_template("${a}$${b}${c}").pieces.size() == 3);
  CHECK(split_template("").pieces.empty());
  CHECK(split_template("x${").unterminated == 1u);
}

TEST_CASE("a name that cannot exist is an error, with the rule for type names") {
  CHECK(told_of("action a REJECT ${sendr}\n") == "1:17: error: unknown attribute 'sendr' (did you mean 'sender'?)\n");
  CHECK(told_of("action a REJECT ${scor}\n") == "1:17: error: unknown attribute 'scor' (did you mean 'score'?)\n");
  CHECK(told_of("action a REJECT ${rbl}\n") == "1:17: error: 'rbl' is a type of acl, not an attribute\n");
  CHECK(told_of("action a REJECT ${x_new} ${x_new}\n").starts_with("1:17: warning: unknown attribute 'x_new'"));
  CHECK(told_of("action a REJECT a\n  ${sender} ${a b}\n") ==
        "2:13: error: bad name 'a b' (names are made of A-Z, a-z, 0-9, '_', '.' and '-')\n");
  CHECK(told_of("action a REJECT ${attribute:sendr}\n").empty());
  CHECK(told_of("action a REJECT ${\n") == "1:17: error: '${' without its '}' ($${ is a literal ${)\n");
}

TEST_CASE("What the client controls may not choose routes: ${...} in FILTER, REDIRECT and BCC is an error except for "
          "${acl.NAME...} of a table") {
  for (const std::string route :
       {"FILTER smtp:${sender}", "REDIRECT ${sender}", "BCC a@${acl.s}", "redirect ${score}@x"}) {
    CAPTURE(route);
    CHECK_FALSE(try_policy("acl s sender x\naction a " + route + "\n").policy);
  }
  for (const std::string route :
       {"FILTER ${acl.t}", "FILTER smtp:${acl.t.value}", "REDIRECT ${acl.t}", "BCC x+${acl.t}@y"}) {
    CAPTURE(route);
    CHECK(try_policy(std::string{table_acl} + "action a " + route + "\n").policy);
  }
  CHECK(try_policy("action a PREPEND X-S: ${sender}\n").policy);
  CHECK(told_of("acl z sender x\naction a REDIRECT ${acl.z}\n") ==
        "2:19: error: acl 'z' is no table but of type sender: what it finds may not choose where mail goes (in FILTER, "
        "REDIRECT and BCC only ${acl.NAME} of a table acl may stand)\n");
}

TEST_CASE("a header may be what a test found; PREPEND of what can be none is an error") {
  const std::string acls = "acl s spf pass\nacl f sender x\n";
  for (const std::string good : {"PREPEND ${acl.s.header}", "prepend \t${acl.s.header}", "PREPEND ${acl.f}",
                                 "PREPEND ${sender_domain}: x", "PREPEND X-${sender_domain}: x"}) {
    CAPTURE(good);
    CHECK(try_policy(acls + "action p " + good + "\n").policy);
  }
  for (const std::string bad : {"PREPEND no ${acl.s.header}", "PREPEND x${acl.f}", "PREPEND"}) {
    CAPTURE(bad);
    CHECK_FALSE(try_policy(acls + "action p " + bad + "\n").policy);
  }
}

TEST_CASE("LOG text, SCORE n [tag] (a signed decimal), TAG name, CHAIN name, RETURN") {
  CHECK(action_of("SCORE -1.25").score == -1250);
  CHECK(action_of("score 3 spam").tag == "spam");
  CHECK(action_of("TAG seen").tag == "seen");
  CHECK(action_of("RETURN").kind == Action::Kind::finish);
  const auto policy = load("action a CHAIN c\nacl x sender match=exact x\naccess x a\nchain c\n");
  CHECK(policy.actions[0].chain == 1);
  CHECK(policy.chains[1].name == "c");
}

TEST_CASE("OK and the like do not stand in a list of restrictions") {
  CHECK(told_of("action m OK, REJECT\n") ==
        "1:10: error: 'OK' is an action by itself: it cannot stand in a list of restrictions\n");
  CHECK(told_of("action m reject_unverified_sender 550\n") ==
        "1:10: error: '550' is an action by itself: it cannot stand in a list of restrictions\n");
  CHECK(told_of("action m reject_unverified_sender, PERMTI\n") ==
        "1:10: error: unknown action 'PERMTI': did you mean 'permit'?\n");
}

TEST_CASE("verbs that are nearly ours get a hint") {
  CHECK(told_of("action a SCOR 1\n").find("did you mean 'SCORE'?") != std::string::npos);
  CHECK(told_of("action a REJCT no\n").find("did you mean 'REJECT'?") != std::string::npos);
}

TEST_CASE("a constant text is what will be sent: cut to what Postfix can pass on, with a warning") {
  const auto loaded = try_policy("action a REJECT " + std::string(500, 'x') + "\n");
  REQUIRE(loaded.policy);
  CHECK(loaded.policy->actions[0].text.constant()->size() == 7 + 400);
  CHECK(told(loaded.diagnostics) == "1:417: warning: this text is too long for Postfix: it is cut here\n");
}

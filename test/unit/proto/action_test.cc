#include <policymux/action.h>

#include <array>

#include "base/text.h"
#include "support/catch.h"

using namespace policymux;

namespace {

const std::array<std::string, 2> classes = {"greylist_some", "strict"};
const ActionRules ours{.restriction_classes = classes};
const ActionRules foreign{.restriction_classes = classes, .foreign = true};

std::string result(std::string_view action, const ActionRules& rules = ours) {
  const auto checked = check_action(action, rules);
  return checked ? checked->text : "invalid: " + checked.error();
}

}  // namespace

TEST_CASE("Actions (access(5)), case-insensitive; a verb is sent as written") {
  struct Case { std::string_view action; Verb verb; };
  static constexpr Case cases[] = {
      {"DUNNO", Verb::dunno}, {"dunno (you lose!)", Verb::dunno}, {"OK", Verb::ok}, {"OK (you win!)", Verb::ok},
      {"Relay", Verb::relay}, {"REJECT", Verb::reject}, {"reject 5.7.1 \"no\"", Verb::reject},
      {"DEFER", Verb::defer}, {"DEFER 4.7.1  two blanks", Verb::defer},
      {"DEFER_IF_REJECT later", Verb::defer_if_reject}, {"Defer_If_Permit", Verb::defer_if_permit},
      {"450 wait", Verb::code_4nn}, {"421 go away", Verb::code_4nn}, {"550 5.7.1 no", Verb::code_5nn},
      {"521 bye", Verb::code_5nn}, {"HOLD", Verb::hold}, {"HOLD look at it", Verb::hold}, {"DISCARD", Verb::discard},
      {"FILTER smtp:[127.0.0.1]:10025", Verb::filter}, {"FILTER smtp:", Verb::filter},
      {"REDIRECT a@b", Verb::redirect}, {"BCC a@b", Verb::bcc}, {"PREPEND X-Spam: yes", Verb::prepend},
      {"prepend X:", Verb::prepend}, {"INFO", Verb::info}, {"INFO text", Verb::info}, {"WARN text", Verb::warn},
      {"reject_unverified_sender, reject_rbl_client list.example", Verb::restriction},
      {"REJECT_UNAUTH_DESTINATION", Verb::restriction}, {"permit", Verb::restriction},
      {"warn_if_reject reject_unknown_sender_domain,permit", Verb::restriction}, {"reject,", Verb::restriction},
      {"reject_rhsbl_sender dbl.example=127.0.1.2 permit", Verb::restriction}, {"sleep 1", Verb::restriction},
      {"defer_unauth_destination", Verb::restriction}, {"strict", Verb::restriction},
      {"strict, greylist_some permit_mynetworks", Verb::restriction},
  };
  for (const auto& [action, verb] : cases) {
    CAPTURE(action);
    for (const auto* rules : {&ours, &foreign}) {
      const auto checked = check_action(action, *rules);
      REQUIRE(checked);
      CHECK(checked->verb == verb);
      CHECK(checked->text == action);
      CHECK_FALSE(checked->unknown_word);
      CHECK(verb_of(checked->text) == verb);
    }
  }
}

TEST_CASE("Invalid are: nothing, blanks or commas only, all digits, a leading blank, 4NN/5NN without text, ...") {
  static constexpr std::string_view actions[] = {
      "", " ", "\t", ",", " , ", ",,", "550", "5", "12345", "450", "550 ", "450 \t", " REJECT", "\tOK",
      "FILTER", "FILTER smtp", "REDIRECT", "REDIRECT nobody", "BCC", "BCC nobody",
      "PREPEND", "PREPEND text", "PREPEND two words: x", "PREPEND : x", "PREPEND X\x01Y: z", "PREPEND \xc3\xa4: z",
      "250 fine", "45 text", "5500 text", "REJECT: no", "OK,DUNNO", "reject_rbl_client", "reject_rbl_client,",
      "check_client_access hash:/etc/postfix/x", "check_policy_service inet:127.0.0.1:1", "strict x:y",
      "reject_unverified_sender nonsense", "MAYBE later", "Strict other",
  };
  for (const auto action : actions) {
    CAPTURE(action);
    CHECK_FALSE(check_action(action, ours));
    CHECK_FALSE(check_action(action, foreign));
  }
}

TEST_CASE("An unknown word of [A-Za-z0-9_]+ from a service passes with one warning") {
  for (const std::string_view word : {"MAYBE", "my_class_2", "STRICT"}) {
    CAPTURE(word);
    CHECK_FALSE(check_action(word, ours));
    const auto checked = check_action(word, foreign);
    REQUIRE(checked);
    CHECK(checked->unknown_word);
    CHECK(checked->verb == Verb::restriction);
    CHECK(checked->text == word);
  }
  CHECK_FALSE(check_action("may-be", foreign));
  CHECK_FALSE(check_action("maybe, maybe", foreign));
}

TEST_CASE("reply text is cut at a UTF-8 boundary to 400 bytes and logged text to 450") {
  const std::string x399(399, 'x'), x449(449, 'x');
  for (const std::string verb : {"REJECT", "DEFER", "DEFER_IF_PERMIT", "DEFER_IF_REJECT", "450", "550"}) {
    CAPTURE(verb);
    CHECK(result(verb + ' ' + x399 + "yz") == verb + ' ' + x399 + "y");
    CHECK(result(verb + ' ' + x399 + "\xc3\xa4") == verb + ' ' + x399);
  }
  for (const std::string verb : {"HOLD", "DISCARD", "INFO", "WARN", "DUNNO", "OK"}) {
    CAPTURE(verb);
    CHECK(result(verb + ' ' + x449 + "yz") == verb + ' ' + x449 + "y");
    CHECK(result(verb + ' ' + x449 + "\xe2\x82\xac") == verb + ' ' + x449);
  }
}

TEST_CASE("PREPEND and addresses are never cut: over 998 bytes they are invalid") {
  for (const std::string start : {"PREPEND X: ", "FILTER a:", "REDIRECT a@", "BCC a@"}) {
    CAPTURE(start);
    const auto operand_at = start.find(' ') + 1;
    const std::string fits = start + std::string(998 + operand_at - start.size(), 'x');
    CHECK(result(fits) == fits);
    CHECK_FALSE(check_action(fits + 'x', ours));
  }
}

TEST_CASE("Text that is not UTF-8 is repaired (?), which is no failure; neither is a control character") {
  struct Case { std::string_view action, want; };
  static constexpr Case cases[] = {
      {"REJECT caf\xe9", "REJECT caf?"},
      {"REJECT caf\xc3\xa9", "REJECT caf\xc3\xa9"},
      {"REJECT a\nb\rc\td", "REJECT a?b?c?d"},
      {"REJECT\ttext", "REJECT text"},
      {"REJECT \t text \t", "REJECT   text"},
      {"PREPEND X: a\x1b[b", "PREPEND X: a?[b"},
      {"strict\tpermit", "strict permit"},
      {"OK\r", "OK"},
  };
  for (const auto& [action, want] : cases) {
    CAPTURE(action);
    CHECK(result(action) == want);
    CHECK(is_utf8(result(action)));
  }
}

TEST_CASE("the reason says what would help") {
  CHECK(result("550") == "invalid: '550' alone is all digits: Postfix takes that for OK");
  CHECK(result("FILTER x") == "invalid: FILTER wants transport:destination");
  CHECK(result("REJEKT no") == "invalid: unknown action 'REJEKT': did you mean 'REJECT'?");
  CHECK(result("reject_unverified_sendr") ==
        "invalid: unknown action 'reject_unverified_sendr': did you mean 'reject_unverified_sender'?");
  CHECK(result("xyz\x01") == "invalid: unknown action 'xyz?'");
  CHECK(result("reject_rbl_client") == "invalid: reject_rbl_client wants an argument");
}

TEST_CASE("verbs that are actions whatever text follows them") {
  for (const auto* text : {"", " x", " 550", " \x01", " a:b@c"}) {
    for (const auto* verb :
         {"DUNNO", "OK", "REJECT", "DEFER", "DEFER_IF_PERMIT", "DEFER_IF_REJECT", "HOLD", "DISCARD"}) {
      CAPTURE(verb, text);
      CHECK(takes_any_text(verb_of(verb)));
      CHECK(check_action(std::string{verb} + text));
    }
  }
  for (const auto* verb : {"450", "554", "PREPEND", "FILTER", "REDIRECT", "BCC", "reject_unlisted_sender"}) {
    CAPTURE(verb);
    CHECK_FALSE(takes_any_text(verb_of(verb)));
  }
}

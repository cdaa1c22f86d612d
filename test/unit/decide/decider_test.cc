#include "decide/decider.h"

#include "support/catch.h"
#include "support/count_allocations.h"
#include "unit/decide/office.h"

using namespace policymux;
using namespace policymux::test;
using Strings = std::vector<std::string>;

TEST_CASE("what needs no answer from outside is decided at once, without allocation") {
  Office office{"acl bad sender bad@example\\.org\nacl net client_address 192.0.2.0/24\naction no REJECT No\naccess bad !net no\n",
                {.log_decisions = LogDecisions::none}};
  RequestText guilty{"RCPT sender=bad@example.org client_address=198.51.100.1"};
  RequestText innocent{"RCPT sender=good@example.org client_address=198.51.100.1"};
  Conversation conversation;
  for (int i = 0; i < 3; ++i) {
    CHECK(office.decider.handle(*guilty, conversation) == "action=REJECT No\n\n");
    CHECK(office.decider.handle(*innocent, conversation) == "action=DUNNO\n\n");
  }
  const auto before = allocations;
  bool all = true;
  for (int i = 0; i < 100; ++i) all = all && office.decider.handle(i % 2 == 0 ? *guilty : *innocent, conversation).has_value();
  const auto after = allocations;
  CHECK(all);
  CHECK(after == before);
}

TEST_CASE("a request that needs a look-up waits for it") {
  Office office{"acl listed rbl zen.example\naction no REJECT ${acl.listed} lists you\naccess listed no\n"};
  Office::Case one{office, "RCPT client_address=192.0.2.1"};
  CHECK(one.answer.empty());
  CHECK(office.asker.texts() == Strings{"rbl zen.example 192.0.2.1"});
  SECTION("TRUE") {
    office.asker.answer(0, Outcome::yes, {"zen.example"});
    CHECK(one.answer == "action=REJECT zen.example lists you\n\n");
  }
  SECTION("FALSE") {
    office.asker.answer(0, Outcome::no);
    CHECK(one.answer == "action=DUNNO\n\n");
  }
  SECTION("failed: \"a dead DNS list by itself neither accepts nor rejects\"") {
    office.asker.answer(0, Outcome::unknown);
    CHECK(one.answer == "action=DUNNO\n\n");
  }
  CHECK(one.answers == 1);
  CHECK(office.asker[0].forgotten);
}

TEST_CASE("the bytes of a request that waits are its own") {
  Office office{"acl listed rbl zen.example\naction no REJECT ${sender}\naccess listed no\n"};
  Office::Case one{office, "RCPT client_address=192.0.2.1 sender=somebody@example.org"};
  auto& bytes = const_cast<std::string&>(one.request.bytes());
  std::fill(bytes.begin(), bytes.end(), 'x');
  office.asker.answer(0, Outcome::yes);
  CHECK(one.answer == "action=REJECT somebody@example.org\n\n");
}

TEST_CASE("reading questions of several lines are asked together, acting ones only when their line is reached") {
  Office office{"acl a rbl one.example\nacl b rbl two.example\nacl g greylisting\n"
                "action no REJECT\naction later DEFER\naccess a no\naccess b g later\n"};
  Office::Case one{office, "RCPT client_address=192.0.2.1"};
  CHECK(office.asker.texts() == Strings{"rbl one.example 192.0.2.1", "rbl two.example 192.0.2.1"});
  office.asker.answer(1, Outcome::yes);
  CHECK(office.asker.size() == 2);  // the first line may still end the request
  office.asker.answer(0, Outcome::no);
  REQUIRE(office.asker.size() == 3);
  CHECK(office.asker[2].text.starts_with("greylisting"));
  office.asker.answer(2, Outcome::yes);
  CHECK(one.answer == "action=DEFER\n\n");
}

TEST_CASE("of acting questions at most one is in flight for a request, and each is asked once") {
  Office office{"acl g greylisting delay=1m\nacl h greylisting delay=2m\naction no DEFER\naccess g no\naccess h no\naccess g h no\n"};
  Office::Case one{office, "RCPT client_address=192.0.2.1"};
  CHECK(office.asker.size() == 1);
  office.asker.answer(0, Outcome::no);
  CHECK(office.asker.size() == 2);
  office.asker.answer(1, Outcome::no);
  CHECK(office.asker.size() == 2);
  CHECK(one.answer == "action=DUNNO\n\n");
}

TEST_CASE("an answer is judged by the patterns of its test, and told as it came") {
  Office office{"acl s service scanners ^reject\naction no PREPEND X-Scan: ${acl.s.answer}\naccess s no\n"
                "action seen 450 ${acl.s.answer}\naccess !s seen\n"};
  const std::pair<std::string, std::string> cases[] = {{"REJECT spam", "action=PREPEND X-Scan: REJECT spam\n\n"},
                                                       {"HOLD reject", "action=450 HOLD reject\n\n"}};
  for (const auto& [found, want] : cases) {
    Office::Case one{office, "RCPT"};
    office.asker.answer(office.asker.size() - 1, Outcome::yes, {found});
    CHECK(one.answer == want);
  }
}

TEST_CASE("equal reading questions in flight share one look-up, acting ones are never shared") {
  Office office{"acl a rbl one.example\nacl g greylisting\naction no REJECT\naccess a no\naccess g no\n"};
  Office::Case one{office, "RCPT client_address=192.0.2.1"}, two{office, "RCPT client_address=192.0.2.1"};
  Office::Case other{office, "RCPT client_address=192.0.2.2"};
  CHECK(office.asker.texts() == Strings{"rbl one.example 192.0.2.1", "rbl one.example 192.0.2.2"});
  SECTION("all who wait are told") {
    office.asker.answer(0, Outcome::no);
    CHECK(office.asker.size() == 4);  // a greylisting question each
    office.asker.answer(2, Outcome::no);
    CHECK(one.answer == "action=DUNNO\n\n");
    CHECK(two.answer.empty());
  }
  SECTION("who has gone does not take the look-up along") {
    one.suspended.reset();
    CHECK_FALSE(office.asker[0].forgotten);
    office.asker.answer(0, Outcome::yes);
    CHECK(two.answer == "action=REJECT\n\n");
    CHECK(one.answer.empty());
  }
  SECTION("when the last one has gone it is forgotten") {
    one.suspended.reset();
    two.suspended.reset();
    CHECK(office.asker[0].forgotten);
    CHECK_FALSE(office.asker.answer(0, Outcome::yes));
    Office::Case again{office, "RCPT client_address=192.0.2.1"};
    CHECK(office.asker.size() == 3);
  }
  SECTION("after the answer the next one asks anew") {
    office.asker.answer(0, Outcome::yes);
    CHECK_FALSE(office.asker.answer(0, Outcome::yes));  // a second answer finds nobody
    Office::Case again{office, "RCPT client_address=192.0.2.1"};
    CHECK(office.asker.size() == 3);
  }
}

TEST_CASE("a client who is told may take others with him") {
  struct Rude final : Client {
    void answered(std::string_view) override { victim->suspended.reset(); }
    Office::Case* victim = nullptr;
  } rude;
  Office office{"acl a rbl one.example\naction no REJECT\naccess a no\n"};
  RequestText request{"RCPT client_address=192.0.2.1"};
  Conversation conversation;
  REQUIRE_FALSE(office.decider.handle(*request, conversation));
  const auto suspended = office.decider.suspend(*request, conversation, rude);
  Office::Case second{office, "RCPT client_address=192.0.2.1"}, third{office, "RCPT client_address=192.0.2.1"};
  rude.victim = &second;
  office.asker.answer(0, Outcome::yes);
  CHECK(second.answer.empty());
  CHECK(third.answer == "action=REJECT\n\n");
}

TEST_CASE("a look-up that is late is UNKNOWN, and its answer is not wanted any more") {
  Office office{"acl a rbl timeout=5ms one.example\naction no REJECT\naccess a no\n"};
  Office::Case one{office, "RCPT client_address=192.0.2.1"};
  run_until(office.loop, [&] { return !one.answer.empty(); });
  CHECK(one.answer == "action=DUNNO\n\n");
  CHECK_FALSE(office.asker.answer(0, Outcome::yes));
}

TEST_CASE("\"says what a failed or late look-up counts as\"") {
  Office office{"acl a rbl on_error=match timeout=5ms one.example\naction no REJECT\naccess a no\n"};
  Office::Case one{office, "RCPT client_address=192.0.2.1"};
  run_until(office.loop, [&] { return !one.answer.empty(); });
  CHECK(one.answer == "action=REJECT\n\n");
}

TEST_CASE("after the request's deadline everything open is UNKNOWN and no acting question is asked") {
  Office office{"acl a rbl one.example\nacl g greylisting\naction no REJECT\naction later DEFER\naccess a no\naccess g later\n",
                {.deadline = milliseconds{5}}};
  Office::Case one{office, "RCPT client_address=192.0.2.1"};
  run_until(office.loop, [&] { return !one.answer.empty(); });
  CHECK(one.answer == "action=DUNNO\n\n");
  CHECK(office.asker.size() == 1);
}

TEST_CASE("a request that waits takes the memory of one before it, but nothing of what was known or asked") {
  Office office{"acl a rbl one.example\nacl g greylisting\naction no REJECT\naction later DEFER\n"
                "access a no\naccess g later\n",
                {.deadline = milliseconds{5}}};
  const auto greylisting_is_asked_last = [&] { return office.asker.texts().back().starts_with("greylisting"); };
  SECTION("its deadline passed") {
    Office::Case late{office, "RCPT client_address=192.0.2.1"};
    run_until(office.loop, [&] { return !late.answer.empty(); });
    office.decider.set({.deadline = std::chrono::minutes{1}});
  }
  SECTION("its client went while an acting question was in flight") {
    office.decider.set({.deadline = std::chrono::minutes{1}});
    Office::Case gone{office, "RCPT client_address=192.0.2.1"};
    office.asker.answer(0, Outcome::no);
    CHECK(greylisting_is_asked_last());
  }
  const auto before = office.asker.size();
  Office::Case next{office, "RCPT client_address=192.0.2.1"};
  REQUIRE(office.asker.size() == before + 1);
  CHECK(office.asker[before].text == "rbl one.example 192.0.2.1");
  office.asker.answer(before, Outcome::no);
  REQUIRE(office.asker.size() == before + 2);
  CHECK(greylisting_is_asked_last());
  office.asker.answer(before + 1, Outcome::yes);
  CHECK(next.answer == "action=DEFER\n\n");
}

TEST_CASE("\"our broken resolver bounces no mail\"") {
  constexpr std::string_view policy =
      "acl ok_list rbl wl.example\nacl bob recipient bob\nacl not_bob recipient alice\naction ok OK\naction default REJECT No\n";
  SECTION("a line failed to match only because a look-up failed") {
    Office office{std::string{policy} + "access bob ok_list ok\n"};
    Office::Case one{office, "RCPT client_address=192.0.2.1 recipient=bob@x"};
    office.asker.answer(0, Outcome::unknown);
    CHECK(one.answer == "action=DEFER 4.7.1 Temporary look-up failure\n\n");
  }
  SECTION("it would not have matched anyway") {
    Office office{std::string{policy} + "acl never rbl never.example\naccess ok_list never ok\n"};
    Office::Case one{office, "RCPT client_address=192.0.2.1 recipient=bob@x"};
    office.asker.answer(0, Outcome::unknown);
    CHECK(one.answer.empty());  // that is not known before the other answer is there
    office.asker.answer(1, Outcome::no);
    CHECK(one.answer == "action=REJECT No\n\n");
  }
  SECTION("not when a line asked for the default") {
    Office office{std::string{policy} + "access ok_list ok\naccess bob\n"};
    Office::Case one{office, "RCPT client_address=192.0.2.1 recipient=bob@x"};
    office.asker.answer(0, Outcome::unknown);
    CHECK(one.answer == "action=REJECT No\n\n");
  }
}

TEST_CASE("a client who is gone: nothing more is asked for it") {
  Office office{"acl a rbl one.example\nacl g greylisting\naction no REJECT\naccess a no\naccess g no\n"};
  {
    Office::Case one{office, "RCPT client_address=192.0.2.1"};
    CHECK(office.metrics[Gauge::requests_waiting] == 1);
  }
  CHECK(office.metrics[Gauge::requests_waiting] == 0);
  CHECK_FALSE(office.asker.answer(0, Outcome::no));
  CHECK(office.asker.size() == 1);
}

TEST_CASE("a reload: who waits keeps its table, the next request sees the new one") {
  constexpr std::string_view before = "acl a rbl one.example\naction no REJECT before\naccess a no\n";
  constexpr std::string_view after = "acl all protocol_state RCPT\naction no REJECT after\naccess all no\n";
  Office office{before};
  Office::Case one{office, "RCPT client_address=192.0.2.1"};
  office.use(after);
  Office::Case two{office, "RCPT client_address=192.0.2.1"};
  CHECK(two.answer == "action=REJECT after\n\n");
  office.asker.answer(0, Outcome::yes);
  CHECK(one.answer == "action=REJECT before\n\n");
}

TEST_CASE("effects happen once, in order, however often evaluation had to wait") {
  Office office{"acl all protocol_state RCPT\nacl a rbl one.example\nacl g greylisting\nacl enough score >=3\n"
                "acl note log noted ${score}\naction l LOG seen ${score}\naction s SCORE 1.5 odd\naction no REJECT ${score} ${tags}\n"
                "access all l\naccess all s\naccess a note s\naccess g l\naccess enough no\n"};
  Office::Case one{office, "RCPT client_address=192.0.2.1"};
  office.asker.answer(0, Outcome::yes);
  REQUIRE(one.answer.empty());
  office.asker.answer(1, Outcome::yes);
  CHECK(one.answer == "action=REJECT 3 odd\n\n");
  Strings said;
  for (const auto& line : office.log.lines()) {
    if (line.starts_with("policy.conf")) said.push_back(line);
  }
  CHECK(said == Strings{"policy.conf:9: seen 0", "policy.conf:11: noted 1.5", "policy.conf:12: seen 3"});
  CHECK(office.decider.live().matches == LargeVector<std::uint64_t>{1, 1, 1, 1, 1});
}

TEST_CASE("\"the same PREPEND text answered before on this connection for the same non-empty instance is answered DUNNO\"") {
  constexpr std::string_view policy = "acl all protocol_state RCPT\naction x PREPEND X-Seen: ${helo_name}\naccess all x\n";
  Office office{policy};
  Conversation connection;
  const auto ask = [&](std::string_view words) { return Office::Case{office, words, connection}.answer; };
  CHECK(ask("RCPT instance=1 helo_name=a") == "action=PREPEND X-Seen: a\n\n");
  CHECK(ask("RCPT instance=1 helo_name=a") == "action=DUNNO\n\n");
  CHECK(ask("RCPT instance=1 helo_name=b") == "action=PREPEND X-Seen: b\n\n");
  CHECK(ask("RCPT instance=1 helo_name=a") == "action=DUNNO\n\n");
  CHECK(ask("RCPT instance=2 helo_name=a") == "action=PREPEND X-Seen: a\n\n");
  CHECK(ask("RCPT instance= helo_name=a") == "action=PREPEND X-Seen: a\n\n");
  CHECK(ask("RCPT instance= helo_name=a") == "action=PREPEND X-Seen: a\n\n");
  Conversation another;
  CHECK(Office::Case{office, "RCPT instance=2 helo_name=a", another}.answer == "action=PREPEND X-Seen: a\n\n");
  office.decider.set({.prepend_once = false});
  CHECK(ask("RCPT instance=2 helo_name=a") == "action=PREPEND X-Seen: a\n\n");
}

TEST_CASE("\"a missing request is treated as that one, a warning once per peer; any other value: DUNNO\"") {
  Office office{"acl all protocol_state RCPT\naction no REJECT\naccess all no\n"};
  Conversation connection{.peer = "inet:192.0.2.9:4000"}, same_host{.peer = "inet:192.0.2.9:4001"};
  Conversation other_host{.peer = "inet:[2001:db8::9]:4000"}, local{.peer = "unix:/run/x:1"}, also{.peer = "unix:/run/x:2"};
  RequestParser parser;
  const std::string bare = "protocol_state=RCPT\n\n";
  for (auto* on : {&connection, &connection, &same_host, &other_host, &local, &local, &also, &connection}) {
    REQUIRE(parser.parse(bare) == ParseStatus::complete);
    CHECK(office.decider.handle(parser.request(), *on) == "action=REJECT\n\n");
  }
  std::vector<std::string> warned;
  for (const auto& line : office.log.lines()) {
    if (const auto at = line.find(": a request without request="); at != line.npos) warned.push_back(line.substr(0, at));
  }
  CHECK(warned == std::vector<std::string>{"inet:192.0.2.9:4000", "inet:[2001:db8::9]:4000", "unix:/run/x:1",
                                           "unix:/run/x:2"});
  CHECK(Office::Case{office, "request=junk_policy RCPT"}.answer == "action=DUNNO\n\n");
  CHECK(Office::Case{office, "request= RCPT"}.answer == "action=DUNNO\n\n");
}

TEST_CASE("line counters survive a reload by the line's text") {
  Office office{"acl a sender a\nacl b sender b\naction no REJECT\naccess a no\naccess b no\n"};
  for (const auto* words : {"RCPT sender=a", "RCPT sender=a", "RCPT sender=b", "RCPT sender=c"}) Office::Case{office, words};
  CHECK(office.decider.live().matches == LargeVector<std::uint64_t>{2, 1});
  CHECK(office.decider.live().defaults == 1);
  office.use("acl a sender a\nacl b sender b\nacl c sender c\naction no REJECT\naccess b no\naccess c no\naccess a no\n");
  CHECK(office.decider.live().matches == LargeVector<std::uint64_t>{1, 0, 2});
}

TEST_CASE("of equal lines the first inherits from the first, however many there are") {
  std::string text = "acl a sender a\naction s SCORE 1\naction no REJECT\n";
  for (int i = 0; i < 20'000; ++i) text += "access a s\n";  // a walk for each would take minutes
  Office office{text + "access a no\n"};
  Office::Case{office, "RCPT sender=a"};
  office.use(text + "access a s\naccess a no\n");
  CHECK(office.decider.live().matches.front() == 1);
  CHECK(office.decider.live().matches[19'999] == 1);
  CHECK(office.decider.live().matches[20'000] == 0);
  CHECK(office.decider.live().matches.back() == 1);
}

TEST_CASE("a decision's log line names the line that decided, without its silent tests") {
  Office office{"acl ctx policy_context submission silent\nacl bad sender bad\naction no REJECT Go away\naccess ctx bad no\n"};
  Office::Case one{office, "RCPT policy_context=submission sender=bad@x recipient=b@y client_name=h client_address=192.0.2.1 "
                           "protocol_name=ESMTP helo_name=hh queue_id=ABC sasl_username=u"};
  CHECK(office.log.lines() == Strings{"ABC: RCPT from h[192.0.2.1]: REJECT Go away; rule=policy.conf:4 bad from=<bad@x> to=<b@y> "
                                      "proto=ESMTP helo=<hh> sasl_username=u"});
}

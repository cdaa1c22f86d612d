// Every failure in every position: what the client is answered, how long that takes, and what becomes of the service.
#include <chrono>
#include <numeric>

#include "support/catch.h"
#include "unit/upstream/exchange_house.h"

using namespace policymux;
using namespace policymux::test;

namespace {

enum class Position { first_use, kept_connection, probe };

struct Row {
  std::string name;
  Act act{};
  std::optional<Failure> failure{};  // nothing: "OK bad" is answered
  bool refuses = false;
};

const std::string answer = "action=OK bad\n\n";

const Row rows[] = {
    {.name = "refuse", .failure = Failure::refused, .refuses = true},
    {.name = "accept and hang", .failure = Failure::timed_out},
    {.name = "half an answer, and hang", .act = {"action=DUN"}, .failure = Failure::timed_out},
    {.name = "an answer cut short", .act = {"action=DUN", 99, End::close}, .failure = Failure::cut},
    {.name = "an answer without its empty line", .act = {"action=DUNNO\n", 99, End::close}, .failure = Failure::cut},
    {.name = "answer in single bytes", .act = {answer, 1}},
    {.name = "garbage", .act = {"220 mail.example ESMTP\r\n\r\n"}, .failure = Failure::garbage},
    {.name = "garbage, and close", .act = {"What?", 99, End::close}, .failure = Failure::cut},
    {.name = "no action in it", .act = {"reaction=OK\n\n"}, .failure = Failure::garbage},
    {.name = "close before the answer", .act = {"", 99, End::close}, .failure = Failure::closed},
    {.name = "close after the answer", .act = {answer, 99, End::close}},
    {.name = "reset", .act = {"", 99, End::reset}, .failure = Failure::reset},
    {.name = "reset inside the answer", .act = {"action=D", 99, End::reset}, .failure = Failure::reset},
    {.name = "1 MiB answer", .act = {"action=REJECT " + std::string(1 << 20, 'x') + "\n\n"},
     .failure = Failure::too_long},
    {.name = "CR line ends", .act = {"action=OK bad\r\n\r\n"}},
    {.name = "two answers", .act = {answer + "action=REJECT of another\n\n"}},
    {.name = "an invalid action", .act = {"action=550\n\n"}, .failure = Failure::invalid_action},
};

constexpr auto patience = 500ms;

struct Scene {
  explicit Scene(const Row& r) : row{r}, house{{.first_back_off = 20ms}} {
    auto& service = house.add("bad", bad);
    if (row.failure == Failure::timed_out) service.timeout = patience;
    auto& other = house.add("good", good);
    other.priority = 20;
    good.act = {"action=OK good\n\n"};
    bad.act = {answer};
  }

  void lead_to(Position position) {
    if (position == Position::first_use) return;
    if (position == Position::probe) bad.act = {"", 0, End::close};
    CHECK(house.ask() == (position == Position::probe ? "OK good" : "OK bad"));
    house.until([&] { return house.service().state != Breaker::State::open; });
    before = house.service().figures;
  }

  void begin() {
    bad.act = row.act;
    if (row.refuses) bad.stop();
  }

  // How many failures of any kind, since begin().
  std::uint64_t failures() {
    const auto sum = [](const ServiceFigures& figures) {
      return std::accumulate(figures.failures.begin(), figures.failures.end(), 0ull);
    };
    return sum(house.service().figures) - sum(before);
  }

  const Row& row;
  ScriptedServer bad{}, good{};
  ExchangeHouse house;
  ServiceFigures before{};
};

void check_failure(Scene& scene, Position position) {
  const auto began = std::chrono::steady_clock::now();
  CHECK(scene.house.ask() == "OK good");
  const auto took = std::chrono::steady_clock::now() - began;
  if (scene.row.failure == Failure::timed_out) CHECK(took > patience - 20ms);  // the loop's time may be a little old
  CHECK(took < 8 * patience);  // more than a busy machine needs, less than ten time-outs
  CHECK(scene.failures() == 1);
  const auto which = *scene.row.failure;
  CHECK(scene.house.failures(which) - scene.before.failures[static_cast<std::size_t>(which)] == 1);
  CHECK(scene.house.service().state != Breaker::State::closed);
  CHECK(scene.house.log.has("service bad"));
  CHECK(scene.house.service().figures.switched_off == 1);  // in all positions: a failed probe is no change
  if (scene.row.refuses) return;  // the end of a kept connection may be seen before the request or after it
  const bool nothing_heard = scene.row.failure == Failure::closed || scene.row.name == "reset";
  CHECK(scene.house.service().figures.replaced == (position == Position::kept_connection && nothing_heard ? 1 : 0));
}

void check_success(Scene& scene) {
  CHECK(scene.house.ask() == "OK bad");
  scene.bad.act = {answer};
  CHECK(scene.house.ask() == "OK bad");
  CHECK(scene.failures() == 0);
  CHECK(scene.house.service().state == Breaker::State::closed);
}

}  // namespace

TEST_CASE("every failure in every position") {
  for (const auto position : {Position::first_use, Position::kept_connection, Position::probe}) {
    for (const auto& row : rows) {
      INFO(row.name << ", position " << static_cast<int>(position));
      Scene scene{row};
      scene.lead_to(position);
      scene.begin();
      if (row.failure) check_failure(scene, position);
      else check_success(scene);
    }
  }
}

TEST_CASE("a probe that nobody waits for any more, before it was connected, leaves the next one his turn") {
  Scene scene{rows[0]};
  scene.lead_to(Position::probe);
  scene.bad.act = {answer};
  scene.house.start()->asking_.reset();
  CHECK(scene.house.ask() == "OK bad");
}

TEST_CASE("an unasked byte on an idle connection costs the connection, and nobody notices") {
  for (const auto* said : {"\n", "action=REJECT late\n\n"}) {
    Scene scene{rows[0]};
    CHECK(scene.house.ask() == "OK bad");
    scene.bad.say(said);
    scene.house.until([&] { return scene.house.service().connections == 0; });
    CHECK(scene.house.service().figures.unasked == 1);
    CHECK(scene.house.ask() == "OK bad");
    CHECK(scene.failures() == 0);
  }
}

TEST_CASE("a byte that nobody asked for, and that is there when the next request comes, is no answer to it") {
  Scene scene{rows[0]};
  CHECK(scene.house.ask() == "OK bad");
  scene.bad.say("action=REJECT of another\n\n");
  // The request is made in the same turn of the loop in which the byte is seen.
  struct Late final : Ready {
    explicit Late(ExchangeHouse& h) : house{h}, timer{h.loop.raw(), this} { timer.arm(0ms); }
    void ring() { house.loop.ready().collect(*this); }
    void serve() override { inquirer = house.start(); }
    ExchangeHouse& house;
    std::unique_ptr<Inquirer> inquirer{};
    Timer<Late, &Late::ring> timer;
  } late{scene.house};
  scene.house.until([&] { return late.inquirer && late.inquirer->done(); });
  CHECK(late.inquirer->action() == "OK bad");
}

TEST_CASE("a kept connection that its server closed meanwhile is replaced: no failure, and nobody notices") {
  Scene scene{rows[0]};
  SECTION("before the request") {
    CHECK(scene.house.ask() == "OK bad");
    scene.bad.hang_up();
    CHECK(scene.house.ask() == "OK bad");
  }
  SECTION("while the request is on its way") {
    CHECK(scene.house.ask() == "OK bad");
    scene.bad.act = {"", 0, End::close};
    const auto waits = scene.house.start();
    scene.house.until([&] { return scene.bad.requests.size() == 2; });
    scene.bad.act = {answer};
    scene.house.until([&] { return waits->done(); });
    CHECK(waits->action() == "OK bad");
    CHECK(scene.house.service().figures.replaced == 1);
  }
  CHECK(scene.failures() == 0);
  CHECK_FALSE(scene.house.log.has("off for"));
}

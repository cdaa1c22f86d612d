#include "loop/loop.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "loop/deadline.h"
#include "support/catch.h"
#include "support/loop_runner.h"

using namespace policymux;
using namespace std::chrono_literals;

namespace {

struct Pair {
  Pair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    ours = UniqueFd{fds[0]};
    theirs = UniqueFd{fds[1]};
  }
  UniqueFd ours, theirs;
};

struct Reader final : Ready {
  Reader(Loop& l, int n, std::vector<int>& o) : loop{l}, number{n}, order{o}, io{l.raw(), pair.ours.get(), this} {
    io.want(EV_READ);
  }
  void on_ready(int) { loop.ready().collect(*this); }
  void serve() override {
    char c;
    CHECK(::read(pair.ours.get(), &c, 1) == 1);
    order.push_back(number);
    if (turns_left-- > 0) loop.ready().again(*this);
  }
  Loop& loop;
  int number;
  std::vector<int>& order;
  int turns_left = 0;
  Pair pair;
  IoWatcher<Reader, &Reader::on_ready> io;
};

struct Alarm {
  explicit Alarm(Loop& loop) : timer{loop.raw(), this} {}
  void ring() { ++rung; }
  int rung = 0;
  Timer<Alarm, &Alarm::ring> timer;
};

}  // namespace

TEST_CASE("ready connections are served first in, first out") {
  Loop loop;
  std::vector<int> order;
  std::deque<Reader> readers;
  for (int i = 0; i < 20; ++i) readers.emplace_back(loop, i, order);
  test::run_passes(loop, 1);  // all are registered before anything arrives
  std::vector<int> want;
  for (const int i : {7, 3, 19, 0, 12, 11}) {
    REQUIRE(::write(readers[static_cast<std::size_t>(i)].pair.theirs.get(), "x", 1) == 1);
    want.push_back(i);
  }
  test::run_until(loop, [&] { return order.size() == want.size(); });
  CHECK(order == want);
}

TEST_CASE("who asks for another turn waits behind those who are ready, and the loop does not sleep") {
  Loop loop;
  std::vector<int> order;
  std::deque<Reader> readers;
  for (int i = 0; i < 2; ++i) readers.emplace_back(loop, i, order);
  test::run_passes(loop, 1);
  readers[0].turns_left = 2;
  REQUIRE(::write(readers[0].pair.theirs.get(), "xxx", 3) == 3);
  REQUIRE(::write(readers[1].pair.theirs.get(), "x", 1) == 1);
  test::run_until(loop, [&] { return order.size() == 4; });
  CHECK(order == std::vector<int>{0, 1, 0, 0});
}

TEST_CASE("who is destroyed while he waits is not served") {
  struct Counter final : Ready {
    explicit Counter(int& c) : count{c} {}
    void serve() override { ++count; }
    int& count;
  };
  struct Killer : Ready {
    explicit Killer(std::unique_ptr<Counter>& v) : victim{v} {}
    void serve() override { victim.reset(); }
    std::unique_ptr<Counter>& victim;
  };
  ReadyList list;
  int served = 0;
  auto victim = std::make_unique<Counter>(served);
  Killer killer{victim};
  list.again(killer);
  list.again(*victim);
  list.again(*victim);
  list.serve();
  CHECK(served == 0);
  CHECK(list.empty());
}

TEST_CASE("the retired live until the loop is about to sleep") {
  struct Guest : Retiree {
    explicit Guest(bool& a) : alive{a} { alive = true; }
    ~Guest() override { alive = false; }
    bool& alive;
  };
  struct Door : Ready {
    Door(Loop& l, bool& a) : loop{l}, alive{a} {}
    void serve() override {
      loop.retire(std::make_unique<Guest>(alive));
      CHECK(alive);
      seen = true;
    }
    Loop& loop;
    bool& alive;
    bool seen = false;
  };
  Loop loop;
  bool alive = false;
  Door door{loop, alive};
  loop.ready().again(door);
  test::run_until(loop, [&] { return door.seen; });
  CHECK(alive);
  test::run_passes(loop, 1);
  CHECK_FALSE(alive);
}

TEST_CASE("a timer fires once, and not before its time") {
  Loop loop;
  Alarm alarm{loop};
  const auto before = std::chrono::steady_clock::now();
  alarm.timer.arm(5ms);
  CHECK(alarm.timer.active());
  test::run_until(loop, [&] { return alarm.rung > 0; });
  CHECK(std::chrono::steady_clock::now() - before >= 4ms);
  CHECK_FALSE(alarm.timer.active());
  alarm.timer.arm(1h);
  alarm.timer.cancel();
  CHECK_FALSE(alarm.timer.active());
  CHECK(alarm.rung == 1);
}

TEST_CASE("a deadline that is put off passes late, and one that is cancelled never") {
  struct Waiter {
    explicit Waiter(Loop& l) : loop{l}, deadline{l, this} {}
    void passed() { at = loop.now(); }
    Loop& loop;
    std::optional<SteadyTime> at;
    Deadline<Waiter, &Waiter::passed> deadline;
  };
  Loop loop;
  Waiter put_off{loop}, cancelled{loop}, drawn_in{loop};
  const auto start = loop.now();
  put_off.deadline.arm(2ms);
  put_off.deadline.arm(30ms);
  cancelled.deadline.arm(1ms);
  cancelled.deadline.cancel();
  drawn_in.deadline.arm(1h);
  drawn_in.deadline.arm(3ms);
  test::run_until(loop, [&] { return put_off.at && drawn_in.at; });
  CHECK(*put_off.at - start >= 30ms);
  CHECK(*drawn_in.at - start >= 3ms);
  CHECK_FALSE(cancelled.at);
}

TEST_CASE("the loop's time stands still during a pass") {
  struct Witness : Ready {
    explicit Witness(Loop& l) : loop{l} {}
    void serve() override {
      const auto first = loop.now();
      while (std::chrono::steady_clock::now() == first) {}
      CHECK(loop.now() == first);
      passes.push_back(first);
      loop.ready().again(*this);
    }
    Loop& loop;
    std::vector<SteadyTime> passes;
  };
  Loop loop;
  Witness witness{loop};
  loop.ready().again(witness);
  test::run_until(loop, [&] { return witness.passes.size() == 3; });
  CHECK(witness.passes[0] < witness.passes[1]);
  CHECK(witness.passes[1] < witness.passes[2]);
  CHECK(std::chrono::abs(loop.wall_time() - std::chrono::system_clock::now()) < 1h);
}

TEST_CASE("signals and other threads are heard in the loop") {
  struct Ear {
    explicit Ear(Loop& l) : loop{l}, signal{l.raw(), SIGUSR1, this}, async{l.raw(), this} {}
    void on_signal() { async.send(); }
    void on_async() { loop.stop(); heard = true; }
    Loop& loop;
    bool heard = false;
    SignalWatcher<Ear, &Ear::on_signal> signal;
    AsyncWatcher<Ear, &Ear::on_async> async;
  };
  Loop loop;
  Ear ear{loop};
  std::thread{[] { ::kill(::getpid(), SIGUSR1); }}.join();
  loop.run();
  CHECK(ear.heard);
}

#include "app/reloader.h"

#include <pthread.h>
#include <sched.h>

#include <csignal>
#include <utility>

namespace policymux {
namespace {

// Signals are the loop's; the processor is whoever's needs it more.
void become_helper() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  const sched_param parameters{};
  pthread_setschedparam(pthread_self(), SCHED_IDLE, &parameters);
}

}  // namespace

Reloader::Reloader(Loop& loop, Origins origins, std::vector<QuestionKind> built_in, std::function<void(Ruleset)> done)
    : origins_{std::move(origins)}, built_in_{std::move(built_in)}, done_{std::move(done)}, wake_{loop.raw(), this} {}

Reloader::~Reloader() {
  if (worker_.joinable()) worker_.join();
}

void Reloader::start() {
  if (worker_.joinable()) {
    once_more_ = true;
    return;
  }
  worker_ = std::thread{[this] { become_helper(); read(); }};
}

void Reloader::read() {
  Diagnostics diagnostics;
  Ruleset fresh;
  if (auto config = read_config(origins_, diagnostics)) fresh = read_ruleset(origins_, *std::move(config), built_in_);
  fresh.diagnostics.insert(fresh.diagnostics.begin(), std::make_move_iterator(diagnostics.begin()),
                           std::make_move_iterator(diagnostics.end()));
  const std::lock_guard lock{mutex_};
  fresh_ = std::move(fresh);
  wake_.send();
}

void Reloader::on_read() {
  std::optional<Ruleset> fresh;
  {
    const std::lock_guard lock{mutex_};
    fresh = std::exchange(fresh_, std::nullopt);
  }
  if (!fresh) return;
  worker_.join();
  done_(*std::move(fresh));
  if (std::exchange(once_more_, false)) start();
}

}  // namespace policymux

#include "app/reloader.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace policymux {

Reloader::Reloader(Loop& loop, Origins origins, std::vector<QuestionKind> built_in, InForce in_force, Done done)
    : origins_{std::move(origins)},
      built_in_{std::move(built_in)},
      in_force_{std::move(in_force)},
      done_{std::move(done)},
      wake_{loop.raw(), this} {}

void Reloader::start() {
  if (std::exchange(running_, true)) once_more_ = true;
  else helper_.post([this, table = in_force_()] { read(*table); });
}

void Reloader::read(const Table& in_force) {
  Reload fresh;
  if (auto config = read_config(origins_, fresh.diagnostics)) {
    auto ruleset = read_ruleset(origins_, *std::move(config), built_in_);
    std::ranges::move(ruleset.diagnostics, std::back_inserter(fresh.diagnostics));
    fresh.config = std::move(ruleset.config);
    if (ruleset.table && !has_errors(fresh.diagnostics)) fresh.succession.emplace(std::move(ruleset.table), in_force);
  }
  const std::lock_guard lock{mutex_};
  fresh_ = std::move(fresh);
  wake_.send();
}

void Reloader::on_read() {
  std::optional<Reload> fresh;
  {
    const std::lock_guard lock{mutex_};
    fresh = std::exchange(fresh_, std::nullopt);
  }
  if (!fresh) return;
  running_ = false;
  done_(*std::move(fresh));
  if (std::exchange(once_more_, false)) start();
}

}  // namespace policymux

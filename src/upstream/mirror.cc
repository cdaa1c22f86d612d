#include "upstream/mirror.h"

#include <utility>

#include <fmt/format.h>

namespace policymux {
namespace {

std::string about(const Request& request) {
  return fmt::format("{} from {}[{}] from=<{}> to=<{}>", request.text(Attribute::protocol_state),
                     request.text(Attribute::client_name), request.text(Attribute::client_address),
                     request.text(Attribute::sender), request.text(Attribute::recipient));
}

Request rebased(Request request, const std::string& bytes) {
  request.rebase(bytes.data());
  return request;
}

std::optional<std::string> text_of(const CheckedAction* action) {
  return action == nullptr ? std::nullopt : std::optional{action->text};
}

std::string shown(const std::optional<std::string>& text) { return text ? "'" + *text + "'" : "nothing"; }

}  // namespace

Comparison::Comparison(Loop& loop, Logger& logger, std::shared_ptr<ServiceGroup> original,
                       std::shared_ptr<ServiceGroup> mirror, const Request& request, Done done)
    : logger_{logger},
      original_{std::move(original)},
      done_{std::move(done)},
      bytes_{request.raw()},
      about_{about(request)},
      journey_{loop, std::move(mirror), rebased(request, bytes_), SteadyTime::max(), *this} {}

void Comparison::original(const CheckedAction* action) {
  ours_ = text_of(action);
  finish_one();
}

void Comparison::forget() {
  forgotten_ = true;
  finish_one();
}

void Comparison::settled(const CheckedAction* action) {
  theirs_ = text_of(action);
  finish_one();
}

void Comparison::finish_one() {
  if (--open_ > 0) return;
  if (!forgotten_ && ours_ != theirs_) {
    ++original_->memory()->differences;
    logger_.format(Level::info, "mirror {}: {} where {} answered {}: {}", journey_.group().settings().name,
                   shown(theirs_), original_->settings().name, shown(ours_), about_);
  }
  done_(*this);
}

}  // namespace policymux

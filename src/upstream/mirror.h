// A copy of a request, sent to another group: do its services answer alike?
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "log/logger.h"
#include "upstream/group.h"

namespace policymux {

// Lives until both groups are through; nobody waits for it. Logs where the answers differ.
class Comparison final : public Retiree, private Journey::Owner {
 public:
  // `done` is called once and takes it to Loop::retire(). REQUIRES: loop and logger outlive it.
  using Done = std::function<void(Comparison&)>;
  Comparison(Loop& loop, Logger& logger, std::shared_ptr<ServiceGroup> original, std::shared_ptr<ServiceGroup> mirror,
             const Request& request, Done done);

  // How the original came out; nullptr: nobody answered. Called once.
  void original(const CheckedAction* action);
  // Nobody waits for the original's answer any more.
  void forget();

 private:
  void settled(const CheckedAction* action) override;
  void finish_one();

  Logger& logger_;
  const std::shared_ptr<ServiceGroup> original_;
  const Done done_;
  const std::string bytes_;       // of the request
  const std::string about_;       // it, for people
  std::optional<std::string> ours_{}, theirs_{};  // the action; nothing: nobody answered
  bool forgotten_ = false;        // the original
  int open_ = 2;                  // groups that are not through
  Journey journey_;
};

}  // namespace policymux

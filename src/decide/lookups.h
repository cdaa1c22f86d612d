// Equal reading questions in flight share one look-up.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ask/question.h"

namespace policymux {

// Who waits for a look-up. Leaves it when destroyed; the look-up is forgotten when nobody waits any more.
//   Answers  as AnswerSink says: once, never from inside Lookups::ask().
class Lookups {
 public:
  // `asker` is called unless an equal question is in flight already: of the same definition, with the same key, or,
  // where the type has none, about an equal request.
  std::unique_ptr<Asking> ask(Asker& asker, const Question& question, AnswerSink& sink, std::uint32_t token);

 private:
  class Shared;
  class Share;
  std::unordered_map<std::string, std::shared_ptr<Shared>> flying_;
};

}  // namespace policymux

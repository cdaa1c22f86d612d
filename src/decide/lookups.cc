#include "decide/lookups.h"

#include <algorithm>
#include <utility>

namespace policymux {
namespace {

// Questions with the same text are equal: each piece is preceded by its length.
std::string identity(const Question& question) {
  std::string text;
  const auto add = [&text](std::string_view piece) {
    text.append(std::to_string(piece.size())).append(1, ':').append(piece);
  };
  add(question_type(question.definition.kind).name);
  for (const auto& option : question.definition.options) add(option.name), add(option.value);
  text += '|';
  for (const auto& value : question.definition.values) add(value);
  text += '|';
  add(question.definition.key_source);
  add(question.key);
  // The type decides what it looks at: only the same request is sure to be asked the same.
  if (question.definition.key_source.empty()) add(question.request.raw());
  return text;
}

}  // namespace

// One look-up in flight and those who wait for it.
class Lookups::Shared final : public AnswerSink {
 public:
  Shared(Lookups& owner, std::string identity) : owner_{owner}, identity_{std::move(identity)} {}

  void ask(Asker& asker, const Question& question) { asking_ = asker.ask(question, *this, 0); }
  void join(Share& share) { waiting_.push_back(&share); }
  void leave(Share& share) {
    std::replace(waiting_.begin(), waiting_.end(), &share, static_cast<Share*>(nullptr));
    if (std::ranges::all_of(waiting_, [](const Share* one) { return one == nullptr; })) land();
  }

  void answered(std::uint32_t token, Answer answer) override;

 private:
  // Off the list; whoever asks from now on starts a look-up of his own.
  std::shared_ptr<Shared> land() {
    const auto at = owner_.flying_.find(identity_);
    if (at == owner_.flying_.end() || at->second.get() != this) return nullptr;
    auto self = std::move(at->second);
    owner_.flying_.erase(at);
    return self;
  }

  Lookups& owner_;
  std::string identity_;
  std::vector<Share*> waiting_;  // nullptr: left
  std::unique_ptr<Asking> asking_;
};

class Lookups::Share final : public Asking {
 public:
  Share(std::shared_ptr<Shared> shared, AnswerSink& sink, std::uint32_t token)
      : shared_{std::move(shared)}, sink_{sink}, token_{token} {
    shared_->join(*this);
  }
  ~Share() override { shared_->leave(*this); }
  Share& operator=(Share&&) = delete;

  void deliver(Answer answer) { sink_.answered(token_, std::move(answer)); }

 private:
  std::shared_ptr<Shared> shared_;
  AnswerSink& sink_;
  std::uint32_t token_;
};

void Lookups::Shared::answered(std::uint32_t, Answer answer) {
  const auto self = land();
  // Whoever is told may leave, and may make others leave: their places become empty meanwhile.
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (auto* share = std::exchange(waiting_[i], nullptr)) share->deliver(answer);
  }
}

std::unique_ptr<Asking> Lookups::ask(Asker& asker, const Question& question, AnswerSink& sink, std::uint32_t token) {
  auto name = identity(question);
  auto& flying = flying_[name];
  if (flying) return std::make_unique<Share>(flying, sink, token);
  flying = std::make_shared<Shared>(*this, std::move(name));
  const auto shared = flying;
  auto share = std::make_unique<Share>(shared, sink, token);
  shared->ask(asker, question);
  return share;
}

}  // namespace policymux

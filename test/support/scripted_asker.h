// A room that answers when the test says so: late, never, or after nobody wants to know any more.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ask/question.h"

namespace policymux::test {

class ScriptedAsker final : public Asker {
 public:
  struct Asked {
    std::string text;                 // "rbl zen.example 192.0.2.1": type, values, key
    AnswerSink* sink;
    std::uint32_t token;
    SteadyTime deadline;
    bool forgotten = false;           // the Asking was destroyed
  };

  std::unique_ptr<Asking> ask(const Question& question, AnswerSink& sink, std::uint32_t token) override {
    std::string text{question_type(question.definition.kind).name};
    for (const auto& value : question.definition.values) text += " " + value;
    if (!question.key.empty()) text.append(1, ' ').append(question.key);
    auto asked_now = std::make_shared<Asked>(Asked{std::move(text), &sink, token, question.deadline});
    asked_.push_back(asked_now);
    return std::make_unique<Handle>(std::move(asked_now));
  }

  // Answers the n-th question; false: nobody wants to know any more.
  bool answer(std::size_t n, Outcome outcome, std::vector<std::string> fields = {}) {
    const auto asked_then = asked_.at(n);
    if (asked_then->forgotten) return false;
    asked_then->sink->answered(asked_then->token, {outcome, std::move(fields)});
    return true;
  }

  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const auto& one : asked_) out.push_back(one->text);
    return out;
  }
  std::size_t size() const { return asked_.size(); }
  const Asked& operator[](std::size_t n) const { return *asked_.at(n); }

 private:
  class Handle final : public Asking {
   public:
    explicit Handle(std::shared_ptr<Asked> asked) : asked_{std::move(asked)} {}
    ~Handle() override { asked_->forgotten = true; }
    Handle& operator=(Handle&&) = delete;

   private:
    std::shared_ptr<Asked> asked_;
  };

  std::vector<std::shared_ptr<Asked>> asked_;
};

}  // namespace policymux::test

// Which texts must a value hold so that a regular expression can match?
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"

namespace policymux {

// Finds texts of which one is in every match, while the pattern is read from left to right. What was read
// last is held back until it is known how often it may occur.
class RequiredTexts {
 public:
  using Texts = std::vector<std::string>;

  void literal(char c) { hold(Held::Kind::literal, {std::string(1, ascii_lower(c))}); }
  void unknown() { hold(Held::Kind::texts, {}); }
  void repeat(bool at_least_once) {  // what was read last
    const auto held = std::exchange(held_, {});
    if (at_least_once && held.kind == Held::Kind::literal) branch().run += held.texts.front();
    end_run();
    if (at_least_once && held.kind == Held::Kind::texts) consider(held.texts);
  }
  void alternative() {
    settle();
    end_run();
    auto& group = groups_.back();
    if (group.branch.best.empty()) group.known = false;
    group.all.insert(group.all.end(), group.branch.best.begin(), group.branch.best.end());
    group.branch = {};
  }
  void open() {
    settle();
    groups_.emplace_back();
  }
  void close(bool is_matched) {  // false: a look-around, or only on a condition
    alternative();
    auto texts = take();
    groups_.pop_back();
    held_ = {Held::Kind::texts, is_matched ? std::move(texts) : Texts{}};
  }
  Texts finish() {
    alternative();
    return take();
  }

 private:
  struct Held {
    enum class Kind : std::uint8_t { nothing, literal, texts } kind = Kind::nothing;
    Texts texts{};  // none: anything
  };
  struct Branch {
    std::string run{};  // the literals read last, without a gap
    Texts best{};
  };
  struct Group {
    Branch branch{};
    Texts all{};
    bool known = true;
  };

  static std::size_t shortest(const Texts& texts) {
    std::size_t size = texts.empty() ? 0 : texts.front().size();
    for (const auto& text : texts) size = std::min(size, text.size());
    return size;
  }
  Branch& branch() { return groups_.back().branch; }
  void consider(Texts texts) {
    if (shortest(texts) > shortest(branch().best)) branch().best = std::move(texts);
  }
  void end_run() {
    auto run = std::exchange(branch().run, {});
    if (!run.empty()) consider({std::move(run)});
  }
  void settle() {
    const auto held = std::exchange(held_, {});
    if (held.kind == Held::Kind::literal) branch().run += held.texts.front();
    if (held.kind != Held::Kind::texts) return;
    end_run();
    consider(held.texts);
  }
  void hold(Held::Kind kind, Texts texts) {
    settle();
    held_ = {kind, std::move(texts)};
  }
  Texts take() {
    constexpr std::size_t most_alternatives = 16;  // more are as good as none
    auto& group = groups_.back();
    return group.known && group.all.size() <= most_alternatives ? std::move(group.all) : Texts{};
  }

  std::vector<Group> groups_{1};
  Held held_;
};

}  // namespace policymux

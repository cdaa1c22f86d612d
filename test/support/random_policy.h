// Policies and requests made by chance, from few enough names and values that they meet often.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "ask/question.h"
#include "support/memory_files.h"

namespace policymux::test {

using Random = std::mt19937_64;

// A policy.conf without mistakes, and the value files that it names: all kinds of tests, chains, scores, tags, and
// questions of rooms that need not exist. `lines`: how many access lines of main at the most.
MemoryFiles::Texts random_policy(Random& random, int lines);

// [main] restriction_classes that such a policy counts on.
inline const std::vector<std::string> random_classes = {"strict"};

// The text of a request, complete.
std::string random_request(Random& random);

// The answer to a question: always the same one for the same question and salt.
Answer oracle_answer(const Definition& definition, std::string_view key, std::uint64_t salt);

}  // namespace policymux::test

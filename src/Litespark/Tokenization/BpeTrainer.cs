using Litespark.Tokenization.Files;
using Litespark.Tokenization.Pipeline;
using Litespark.Tokenization.Training;

namespace Litespark.Tokenization;

/// <summary>
/// Trains a byte-level BPE vocabulary (Sennrich et al., 2016, arXiv:1508.07909; on bytes as in GPT-2). The result depends on the
/// documents and options alone, not on their order or the threads.
/// </summary>
public static class BpeTrainer
{
    /// <summary>Trains on documents.</summary>
    /// <param name="documents">
    /// Documents as bytes, UTF-8 expected. Read once, by several threads in turn: a document's memory must stay as it is until training
    /// ends.
    /// </param>
    /// <param name="options">Size, pattern, special tokens.</param>
    /// <param name="cancellation">Stops the training.</param>
    /// <returns>The tokenizer; <see cref="Tokenizer.Save"/> writes it.</returns>
    /// <exception cref="UserErrorException">An option is wrong.</exception>
    public static Tokenizer Train(
        IEnumerable<ReadOnlyMemory<byte>> documents, BpeTrainerOptions options, CancellationToken cancellation = default)
    {
        options.Check();
        Dictionary<string, long> counts = WordCounter.Count(documents, CreateSplitter(options.Pattern), options.Threads, cancellation);
        var vocab = new GrowingVocab();
        var learner = new MergeLearner(
            ToSymbols(counts, vocab),
            options.MinFrequency,
            (left, right) => vocab.Tokens[left].Length + vocab.Tokens[right].Length <= options.MaxTokenBytes);
        int target = options.VocabSize - options.SpecialTokens.Count;
        while (vocab.Tokens.Count < target && learner.TryNext(out int left, out int right))
        {
            cancellation.ThrowIfCancellationRequested();
            learner.Merge(left, right, vocab.Join(left, right));
        }
        byte[] json = TokenizerWriter.WriteTokenizer(vocab.Tokens, vocab.Merges, options);
        return new Tokenizer(TokenizerFiles.InMemory("the trained tokenizer", json, TokenizerWriter.WriteConfig(options)));
    }

    static Splitter CreateSplitter(string pattern)
    {
        if (GptScanner.For(pattern) is GptScanner scanner)
            return new Splitter(scanner, SplitBehavior.Isolated);
        try
        {
            return new Splitter(new RegexMatcher(pattern), SplitBehavior.Isolated);
        }
        catch (ArgumentException error)
        {
            throw new UserErrorException($"the tokenizer's pattern can't be used: {error.Message}", error);
        }
    }

    static List<(byte[] Symbols, long Count)> ToSymbols(Dictionary<string, long> counts, GrowingVocab vocab)
    {
        var words = new List<(byte[], long)>(counts.Count);
        byte[] buffer = [];
        foreach ((string word, long count) in counts)
        {
            if (buffer.Length < EscapedText.MaxBytes(word.Length))
                buffer = new byte[EscapedText.MaxBytes(word.Length)];
            int length = EscapedText.Encode(word, buffer);
            if (length < 2)
                continue;
            var symbols = new byte[length];
            for (int i = 0; i < length; i++)
                symbols[i] = vocab.OfByte(buffer[i]);
            words.Add((symbols, count));
        }
        return words;
    }
}

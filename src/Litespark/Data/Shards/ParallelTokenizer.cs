using System.Runtime.InteropServices;
using Litespark.Data.Sources;
using Litespark.Tokenization;

namespace Litespark.Data.Shards;

/// <summary>A tokenised document; valid until the next one is asked for.</summary>
/// <param name="document">The text.</param>
/// <param name="tokens">Tokens of several documents.</param>
/// <param name="start">Index of this document's first.</param>
/// <param name="length">Number of this document's tokens, with the prefix and without end-of-text.</param>
internal readonly struct TokenizedDocument(Document document, List<int> tokens, int start, int length)
{
    /// <summary>The text.</summary>
    public Document Document => document;

    /// <summary>Its tokens, the encoder's <see cref="ITextEncoder.DocumentPrefix"/> first, without end-of-text.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(tokens).Slice(start, length);

    /// <summary>Decides the split; computed by the thread that tokenised.</summary>
    public required ulong Hash { get; init; }
}

/// <summary>Tokenises on several threads; the results come in the order of the documents, whatever the number of threads.</summary>
internal static class ParallelTokenizer
{
    /// <summary>Text handed to a thread at once: large enough to be worth it, small enough to hold several.</summary>
    const int BatchBytes = 1 << 18;

    /// <summary>Tokenises <paramref name="documents"/>, holding some megabytes per thread and no more.</summary>
    public static IEnumerable<TokenizedDocument> Run(IEnumerable<Document> documents, ITextEncoder encoder, int threads, CancellationToken cancellation)
    {
        Queue<Task<Batch>> running = new();
        Stack<List<int>> spare = new();
        foreach (List<Document> batch in ToBatches(documents))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!spare.TryPop(out List<int>? tokens)) tokens = [];
            running.Enqueue(Task.Run(() => new Batch(batch, encoder, tokens), cancellation));
            if (running.Count <= threads) continue;
            Batch done = running.Dequeue().GetAwaiter().GetResult();
            foreach (TokenizedDocument document in done.Results) yield return document;
            spare.Push(done.Release());
        }
        while (running.TryDequeue(out Task<Batch>? task))
            foreach (TokenizedDocument document in task.GetAwaiter().GetResult().Results) yield return document;
    }

    static IEnumerable<List<Document>> ToBatches(IEnumerable<Document> documents)
    {
        List<Document> batch = [];
        long bytes = 0;
        foreach (Document document in documents)
        {
            batch.Add(document);
            bytes += document.Text.Length;
            if (bytes < BatchBytes) continue;
            yield return batch;
            batch = [];
            bytes = 0;
        }
        if (batch.Count > 0) yield return batch;
    }

    sealed class Batch
    {
        readonly List<int> tokens;

        public Batch(List<Document> documents, ITextEncoder encoder, List<int> tokens)
        {
            this.tokens = tokens;
            foreach (Document document in documents)
            {
                int start = tokens.Count;
                tokens.AddRange(encoder.DocumentPrefix);
                encoder.Encode(document.Text.Span, tokens);
                Results.Add(new TokenizedDocument(document, tokens, start, tokens.Count - start) { Hash = CorpusSplit.Hash(document) });
            }
        }

        public List<TokenizedDocument> Results { get; } = [];

        /// <summary>Gives up the tokens' memory, emptied, for another batch.</summary>
        public List<int> Release()
        {
            tokens.Clear();
            return tokens;
        }
    }
}

using Litespark.Data.Sources;
using Litespark.Tokenization;

namespace Litespark.Data.Shards;

/// <summary>A tokenised document; the tokens are valid until the next one is asked for.</summary>
/// <param name="Document">The text.</param>
/// <param name="Tokens">Its tokens, without end-of-text.</param>
/// <param name="Hash">Spread evenly over all values; the same for all parts of a group. Decides the split.</param>
internal readonly record struct TokenizedDocument(Document Document, ReadOnlyMemory<int> Tokens, ulong Hash);

/// <summary>Tokenises on several threads; the results come in the order of the documents, whatever the number of threads.</summary>
internal static class ParallelTokenizer
{
    /// <summary>Text handed to a thread at once: large enough to be worth it, small enough to hold several.</summary>
    const int BatchBytes = 1 << 20;

    /// <summary>Tokenises <paramref name="documents"/>, holding some megabytes per thread and no more.</summary>
    public static IEnumerable<TokenizedDocument> Run(IEnumerable<Document> documents, ITextEncoder encoder, int threads, CancellationToken cancellation)
    {
        Queue<Task<Batch>> running = new();
        foreach (List<Document> batch in ToBatches(documents))
        {
            cancellation.ThrowIfCancellationRequested();
            running.Enqueue(Task.Run(() => new Batch(batch, encoder), cancellation));
            if (running.Count <= threads) continue;
            foreach (TokenizedDocument document in running.Dequeue().GetAwaiter().GetResult().Results) yield return document;
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
        public Batch(List<Document> documents, ITextEncoder encoder)
        {
            List<int> tokens = [];
            List<int> ends = [];
            foreach (Document document in documents)
            {
                encoder.Encode(document.Text.Span, tokens);
                ends.Add(tokens.Count);
            }
            int[] all = [.. tokens];
            int start = 0;
            for (int i = 0; i < documents.Count; i++)
            {
                Results.Add(new TokenizedDocument(documents[i], all.AsMemory(start, ends[i] - start), CorpusSplit.Hash(documents[i])));
                start = ends[i];
            }
        }

        public List<TokenizedDocument> Results { get; } = [];
    }
}

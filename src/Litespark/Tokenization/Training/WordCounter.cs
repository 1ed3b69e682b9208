using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization.Training;

/// <summary>
/// Cuts documents into words and counts them; several documents at a time, the counts added up, so that the order never matters.
/// </summary>
internal static class WordCounter
{
    /// <summary>Words (<see cref="EscapedText"/>) with their counts.</summary>
    public static Dictionary<string, long> Count(
        IEnumerable<ReadOnlyMemory<byte>> documents, PreTokenizer splitter, int threads, CancellationToken cancellation)
    {
        var total = new Dictionary<string, long>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        try
        {
            Parallel.ForEach(
                Partitioner.Create(documents, EnumerablePartitionerOptions.NoBuffering),
                options,
                () => new Local(splitter),
                (document, _, local) => local.Add(document.Span),
                local => local.AddTo(total));
        }
        catch (AggregateException several)
        {
            // What reading the documents met belongs to the caller as it is: every thread may have met it.
            ExceptionDispatchInfo.Throw(several.Flatten().InnerExceptions[0]);
        }

        return total;
    }

    sealed class Local(PreTokenizer splitter)
    {
        readonly Dictionary<string, long> counts = [];
        readonly Pieces pieces = new();
        char[] chars = [];

        public Local Add(ReadOnlySpan<byte> document)
        {
            if (chars.Length < document.Length)
                chars = new char[document.Length];
            pieces.Reset(chars.AsSpan(0, EscapedText.Decode(document, chars)), atStart: true);
            splitter.Apply(pieces);
            var lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
            foreach (Piece piece in pieces.Ranges)
                CollectionsMarshal.GetValueRefOrAddDefault(lookup, pieces.Text[piece.Start..piece.End], out _)++;
            return this;
        }

        public void AddTo(Dictionary<string, long> total)
        {
            lock (total)
            {
                foreach ((string word, long count) in counts)
                    CollectionsMarshal.GetValueRefOrAddDefault(total, word, out _) += count;
            }
        }
    }
}

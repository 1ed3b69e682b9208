namespace Litespark.Data.Sources;

/// <summary>One document of a corpus.</summary>
/// <param name="Text">The text: UTF-8, kept as it was found even where it is invalid.</param>
/// <param name="Origin">The file it comes from.</param>
/// <param name="Line">The line it starts at, from 1; 0 where lines say nothing.</param>
/// <param name="Group">
/// Parts of one larger text share a name, so that they all fall on the same side of the split; null = on its own.
/// </param>
public sealed record Document(ReadOnlyMemory<byte> Text, string Origin, long Line = 0, string? Group = null);

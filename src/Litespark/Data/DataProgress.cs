namespace Litespark.Data;

/// <summary>How far reading and tokenising a corpus has come.</summary>
/// <param name="Source">What is being read.</param>
/// <param name="Fraction">Share of the stored bytes read so far, 0 to 1.</param>
/// <param name="Documents">Documents so far.</param>
/// <param name="Bytes">Bytes of their text.</param>
/// <param name="Tokens">Tokens so far, end-of-text included; 0 where nothing is tokenised.</param>
public readonly record struct DataProgress(string Source, double Fraction, long Documents, long Bytes, long Tokens);

namespace Litespark.Training;

/// <summary>The vocabulary of a run's tokenizer as it is known before the run.</summary>
/// <param name="Size">Tokens; null for synthetic data.</param>
/// <param name="IsForecast">The tokenizer is still to be trained: with little text it becomes smaller than that.</param>
internal readonly record struct ExpectedVocabulary(int? Size, bool IsForecast);

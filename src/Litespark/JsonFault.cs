using System.Text.Json;

namespace Litespark;

/// <summary>What the JSON parser found wrong, for people: its messages end with fields of its own, and count lines from 0.</summary>
internal static class JsonFault
{
    static readonly string[] Notes = [" Path: ", " LineNumber: "];

    /// <summary>The reason as a sentence, with the place in the document and the line, from 1, where they are known.</summary>
    public static string Describe(JsonException error)
    {
        string reason = error.Message;
        foreach (string note in Notes) reason = reason.Split(note)[0];
        reason = reason.TrimEnd(' ', '|', '.');
        if (error.Path is { Length: > 2 } path && path.StartsWith("$.", StringComparison.Ordinal)) reason += $", at {path[2..]}";
        return error.LineNumber is { } line ? $"{reason}, line {line + 1}." : reason + ".";
    }
}

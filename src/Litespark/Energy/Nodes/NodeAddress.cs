using System.Globalization;

namespace Litespark.Energy.Nodes;

/// <summary>Where another machine's energy is served.</summary>
/// <param name="Host">A name or an IP address.</param>
/// <param name="Port">TCP port.</param>
internal readonly record struct NodeAddress(string Host, int Port)
{
    /// <summary>The port that <c>energy serve</c> takes unasked.</summary>
    public const int DefaultPort = 9917;

    /// <summary>Reads <c>host</c>, <c>host:port</c>, an IPv6 address in brackets with or without a port; null where it is none of these.</summary>
    public static NodeAddress? Parse(string text)
    {
        int bracket = text.StartsWith('[') ? text.IndexOf(']') : -1, colon = text.LastIndexOf(':');
        if (text.StartsWith('[') && bracket < 0) return null;
        if (bracket > 0 && colon < bracket) colon = -1;
        // A second colon belongs to an IPv6 address, whose end would not be known without brackets.
        if (bracket < 0 && text.IndexOf(':') != colon) return null;
        int port = DefaultPort;
        if (colon >= 0 && !(int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= 65535)) return null;
        string host = colon >= 0 ? text[..colon] : text;
        if (bracket > 0) host = host.EndsWith(']') ? host[1..^1] : "";
        return host.Length == 0 || host.Any(char.IsWhiteSpace) ? null : new NodeAddress(host, port);
    }

    /// <inheritdoc/>
    public override string ToString() => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}

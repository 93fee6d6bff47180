using System.Net;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Checks of names and parsers of values; each returns what is wrong, or null.</summary>
internal static class Names
{
    /// <summary>The namespace whose policies hold for the whole mesh.</summary>
    public const string RootNamespace = ExemptNamespaces.Own;

    /// <summary>Most characters of a DNS subdomain.</summary>
    public const int LongestSubdomain = 253;

    private const int MaxInterfaceLength = 15;

    /// <summary>A DNS label (RFC 1123): namespaces, port names.</summary>
    public static string? Label(string text) =>
        text.Length is > 0 and <= 63 && IsLabel(text) ? null : $"'{text}' is not a DNS label: at most 63 lower-case letters, digits and '-', with a letter or digit at both ends";

    /// <summary>The name of a port (IANA_SVC_NAME, RFC 6335): a label of at most 15 characters with a letter in it.</summary>
    public static string? PortName(string text) =>
        text.Length is > 0 and <= 15 && IsLabel(text) && text.Any(char.IsAsciiLetter) && !text.Contains("--", StringComparison.Ordinal)
            ? null
            : $"'{text}' is not the name of a port: at most 15 lower-case letters, digits and '-', with a letter in it and a letter or digit at both ends";

    /// <summary>The key of a label: a name of at most 63 characters, behind an optional DNS name and a slash.</summary>
    public static string? LabelKey(string text)
    {
        string[] parts = text.Split('/');
        bool valid = parts.Length <= 2 && parts[^1].Length > 0 && LabelValue(parts[^1]) is null && (parts.Length == 1 || Subdomain(parts[0]) is null);
        return valid ? null : $"'{text}' is not the key of a label";
    }

    /// <summary>The value of a label: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends; or nothing.</summary>
    public static string? LabelValue(string text)
    {
        bool valid = text.Length == 0
            || (text.Length <= 63 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1]));
        return valid ? null : $"'{text}' is not the value of a label: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends";
    }

    /// <summary>A DNS subdomain (RFC 1123): most object names.</summary>
    public static string? Subdomain(string text) =>
        text.Length is > 0 and <= LongestSubdomain && text.Split('.').All(IsLabel) ? null : $"'{text}' is not a DNS name: at most 253 lower-case letters, digits, '-' and '.', each part with a letter or digit at both ends";

    public static string? TrustDomain(string text) => SpiffeId.CheckTrustDomain(text);

    /// <summary>A Linux interface name.</summary>
    public static string? Interface(string text) =>
        text.Length is > 0 and <= MaxInterfaceLength && text is not ("." or "..") && !text.AsSpan().ContainsAny("/: \t\n")
            ? null
            : $"'{text}' is not an interface name: 1 to {MaxInterfaceLength} characters without '/', ':' and blanks";

    /// <summary>A network namespace: a name below the system's folder of them, or an absolute path.</summary>
    public static string? NetworkNamespace(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal) || text.Length > 4096) return "is not a path";
        bool valid = text.Length > 1 && text[0] == '/' || (text.Length > 0 && text is not ("." or "..") && !text.Contains('/', StringComparison.Ordinal));
        return valid ? null : $"'{text}' is neither a name nor an absolute path";
    }

    public static string? Address(string text, out IPAddress address)
    {
        bool valid = IpPrefix.TryParseAddress(text, out IPAddress? parsed);
        address = parsed ?? IPAddress.None;
        if (!valid) return $"'{text}' is not an IP address";
        return IPAddress.Any.Equals(address) || IPAddress.IPv6Any.Equals(address) || IPAddress.IsLoopback(address) || IsMulticast(address)
            ? $"'{text}' can't be the address of a workload or service"
            : null;
    }

    public static string? Prefix(string text, out IpPrefix prefix) => IpPrefix.TryParse(text, out prefix, out string? error) ? null : error;

    /// <summary>As <see cref="Prefix"/>; bits beyond the length don't count.</summary>
    public static string? MaskedPrefix(string text, out IpPrefix prefix) => IpPrefix.TryParse(text, out prefix, out string? error, mask: true) ? null : error;

    public static string? Identity(string text, out StringPattern pattern) => StringPattern.TryParseIdentity(text, out pattern, out string? error) ? null : error;

    public static string? NamespacePattern(string text, out StringPattern pattern)
    {
        if (!StringPattern.TryParse(text, out pattern, out string? error)) return error;
        return text.Contains('*', StringComparison.Ordinal) ? null : Label(text);
    }

    private static bool IsMulticast(IPAddress address) => address.IsIPv6Multicast || (address.GetAddressBytes() is [>= 224, _, _, _]);

    private static bool IsLabel(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') && text[0] != '-' && text[^1] != '-';
}

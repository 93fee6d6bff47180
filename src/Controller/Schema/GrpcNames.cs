using System.Buffers;

namespace Culvert.Controller.Schema;

/// <summary>Names of services and methods of gRPC: a service is named by identifiers with dots between them, its package and its own, a method by one.</summary>
internal static class GrpcNames
{
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>What is wrong with the name of a service; null: nothing.</summary>
    /// <param name="text">The name.</param>
    /// <param name="most">Most characters that it may have.</param>
    public static string? Service(string text, int most) => ErrorOf(text, text.Split('.'), most, "service");

    /// <summary>What is wrong with the name of a method; null: nothing.</summary>
    /// <param name="text">The name.</param>
    /// <param name="most">Most characters that it may have.</param>
    public static string? Method(string text, int most) => ErrorOf(text, [text], most, "method");

    private static string? ErrorOf(string text, string[] identifiers, int most, string what)
    {
        bool isName = text.Length <= most && identifiers.All(p => p.Length > 0 && !char.IsAsciiDigit(p[0]) && !p.AsSpan().ContainsAnyExcept(NameCharacters));
        return isName ? null : $"'{text}' is not the name of a {what} of gRPC";
    }
}

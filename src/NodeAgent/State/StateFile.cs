using System.Security.Cryptography;
using System.Text;
using Culvert.Core;

namespace Culvert.NodeAgent.State;

/// <summary>
/// Files of the agent's own folders: mode 0600, written whole beside the old one and renamed, with a digest (<see cref="ContentSeal"/>). Thread-safe for different paths.
/// </summary>
internal static class StateFile
{
    /// <summary>What the name of a file ends with that is not whole yet, as one is that an agent was killed over.</summary>
    internal const string Unfinished = ".new";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Replaces a file's content.</summary>
    /// <exception cref="IOException">It can't be written; what was there before is still there.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    internal static void Write(string path, ReadOnlySpan<byte> content)
    {
        byte[] closed = ContentSeal.Close(content);
        try
        {
            WholeFile.Write(path, Unfinished, closed, OwnerOnly);
        }
        finally
        {
            // Some hold keys.
            CryptographicOperations.ZeroMemory(closed);
        }
    }

    /// <summary>A file's content; null when there is none.</summary>
    /// <exception cref="InvalidDataException">It is not what was written.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    internal static ReadOnlyMemory<byte>? Read(string path) => File.Exists(path) ? ContentSeal.Open(File.ReadAllBytes(path)) : (ReadOnlyMemory<byte>?)null;

    /// <summary>Replaces a file's content by lines.</summary>
    /// <param name="path">Where.</param>
    /// <param name="lines">Each without an end of line; none is empty.</param>
    /// <inheritdoc cref="Write"/>
    internal static void WriteLines(string path, IEnumerable<string> lines) => Write(path, Encoding.UTF8.GetBytes(string.Concat(lines.Select(l => l + "\n"))));

    /// <summary>A file's lines; none when there is no file.</summary>
    /// <inheritdoc cref="Read"/>
    internal static string[] ReadLines(string path) => Read(path) is { } content ? Encoding.UTF8.GetString(content.Span).Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];

    /// <summary>Moves a file that can't be used out of the way.</summary>
    /// <returns>Where it is now, for the log.</returns>
    internal static string SetAside(string path, DateTimeOffset now)
    {
        string aside = $"{path}.corrupt-{now:yyyyMMddHHmmss}";
        try
        {
            File.Move(path, aside, overwrite: true);
            return aside;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{path}, where it stays: {e.Message}";
        }
    }
}

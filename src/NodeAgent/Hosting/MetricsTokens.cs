using System.Security.Cryptography;
using System.Text;
using Culvert.Interop;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// The bearer tokens (RFC 6750, section 2.1) with which metrics may be asked for: the lines of a file, read anew at each request, so that tokens are changed without a restart: both in
/// the file while scrapers go over, then the new one alone. Thread-safe.
/// </summary>
internal sealed class MetricsTokens
{
    private const string Scheme = "Bearer ";

    // A token is a line: who guesses has no use for a file of thousands.
    private const int MostBytes = 64 << 10;

    private readonly string _file;
    private readonly ILogger _logger;
    private bool _isUnread;

    private MetricsTokens(string file, ILogger logger)
    {
        _file = file;
        _logger = logger;
    }

    /// <summary>The tokens in a file, which is read once to find out that it can be.</summary>
    /// <param name="file">Its path; at most 64 KiB.</param>
    /// <param name="logger">Told when the file can't be read later.</param>
    /// <exception cref="AgentStartException">It can't be read, or has no token.</exception>
    internal static MetricsTokens Open(string file, ILogger logger)
    {
        MetricsTokens tokens = new(file, logger);
        StartStep.Run($"--metrics-token-file {file}", "give a file that can be read, with a token on each line", tokens.Read);
        return tokens;
    }

    /// <summary>Whether a request with this header may be answered. As long as the file can't be read none may, which is logged once.</summary>
    /// <param name="authorization">Its <c>Authorization</c> header; null when it has none.</param>
    internal bool Allows(string? authorization)
    {
        string[] tokens;
        try
        {
            tokens = Read();
            Volatile.Write(ref _isUnread, false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!Interlocked.Exchange(ref _isUnread, true)) AgentLog.MetricsTokensUnread(_logger, e.Message);
            return false;
        }
        if (authorization is null || !authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return false;
        byte[] given = Hash(authorization[Scheme.Length..].Trim());
        bool found = false;
        foreach (string token in tokens) found |= CryptographicOperations.FixedTimeEquals(given, Hash(token));
        return found;
    }

    private string[] Read()
    {
        using SafeFileHandle file = RegularFile.TryOpen(_file) ?? throw new IOException($"{_file} is no regular file");
        using FileStream stream = new(file, FileAccess.Read, bufferSize: 0);
        byte[] content = new byte[MostBytes + 1];
        int length = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        if (length > MostBytes) throw new IOException($"{_file} has more than {MostBytes >> 10} KiB");
        string[] tokens = Encoding.UTF8.GetString(content, 0, length).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return tokens.Length > 0 ? tokens : throw new IOException($"{_file} has no token in it");
    }

    // Of one length, so that the comparison tells nothing of a token's.
    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}

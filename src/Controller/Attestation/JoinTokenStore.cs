using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Culvert.Controller.Files;

namespace Culvert.Controller.Attestation;

/// <summary>
/// Join tokens: secrets by which a node asks for its first certificate. A token is for one node, for one use and for a limited time; only its hash is
/// on disk, one file per token, so that a command beside the running controller can add some.
/// </summary>
/// <remarks>Safe for any number of threads and processes.</remarks>
public sealed class JoinTokenStore
{
    /// <summary>How long a token is good for unless said otherwise.</summary>
    public static readonly TimeSpan DefaultLifetime = TimeSpan.FromHours(1);

    private const int TokenBytes = 32;
    private readonly string _folder;
    private readonly TimeProvider _time;

    /// <summary>Opens the store in a folder; makes it when it is not there.</summary>
    /// <exception cref="IOException">The folder is open to others, or can't be made.</exception>
    public JoinTokenStore(string folder, TimeProvider time)
    {
        (_folder, _time) = (folder, time);
        PrivateFiles.EnsureFolder(folder);
    }

    /// <summary>Makes a token for a node. This is the only time that it can be seen.</summary>
    /// <exception cref="ArgumentException">The node's name is not a DNS name.</exception>
    public string Create(string node, TimeSpan lifetime)
    {
        if (Schema.Names.Subdomain(node) is { } error) throw new ArgumentException(error, nameof(node));
        RemoveExpired();
        string token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TokenBytes));
        PrivateFiles.Write(PathOf(token), string.Create(CultureInfo.InvariantCulture, $"{node}\n{_time.GetUtcNow() + lifetime:O}\n"));
        return token;
    }

    /// <summary>Why a token would not be accepted now, or null when it would; does not use it up.</summary>
    public AttestationFailure? Look(string token, string node) => Refusal(Read(PathOf(token)), node);

    /// <summary>Uses a token up. Returns why it is not accepted, or null when it is.</summary>
    public AttestationFailure? Redeem(string token, string node)
    {
        // The path is the hash of the token: finding the file is the comparison, and tells nothing about other tokens.
        string path = PathOf(token), taken = $"{path}.{Guid.NewGuid():N}.used";
        try
        {
            AttestationFailure? refusal = Refusal(Read(path), node);
            if (refusal is not (null or AttestationFailure.Expired)) return refusal;
            // Of several that come with the same token at the same time, one moves the file.
            File.Move(path, taken);
            File.Delete(taken);
            return refusal;
        }
        catch (FileNotFoundException)
        {
            return AttestationFailure.Unknown;
        }
    }

    /// <summary>Voids every token of a node; returns how many there were.</summary>
    public int Void(string node)
    {
        string[] own = [.. PathsOf(node)];
        foreach (string path in own) File.Delete(path);
        return own.Length;
    }

    /// <summary>Whether a token was made for a node and is not used yet; it may have expired.</summary>
    public bool HasFor(string node) => PathsOf(node).Any();

    private IEnumerable<string> PathsOf(string node) => Directory.EnumerateFiles(_folder, "*.token").Where(path => Read(path) is { } stored && stored.Node == node);

    private void RemoveExpired()
    {
        foreach (string path in Directory.EnumerateFiles(_folder, "*.token"))
        {
            if (Read(path) is not { } stored || stored.Expires <= _time.GetUtcNow()) File.Delete(path);
        }
    }

    private AttestationFailure? Refusal((string Node, DateTimeOffset Expires)? stored, string node) =>
        stored is not { } token ? AttestationFailure.Unknown
        : token.Node != node ? AttestationFailure.OtherNode
        : token.Expires <= _time.GetUtcNow() ? AttestationFailure.Expired : null;

    /// <summary>Null where there is none, or none any more: nodes join while others look through the folder.</summary>
    private static (string Node, DateTimeOffset Expires)? Read(string path)
    {
        try
        {
            return PrivateFiles.Read(path).Split('\n') is [var node, var text, ""]
                && DateTimeOffset.TryParseExact(text, "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset expires) ? (node, expires) : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private string PathOf(string token) => Path.Combine(_folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token))) + ".token");
}

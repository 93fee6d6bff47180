using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Culvert.Core;
using Culvert.NodeAgent.Identity;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>A controller that signs tokens of five minutes for the workloads of a test, or fails as it says.</summary>
internal sealed class SigningIssuer : IJwtIssuer, IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly TimeProvider _time;
    private int _calls;

    internal SigningIssuer(TimeProvider time)
    {
        _time = time;
        Key = new JwtKey { KeyId = "k1", Algorithms = [JwtAlgorithm.ES256], PublicKey = _key.ExportSubjectPublicKeyInfo().ToEquatableArray() };
    }

    internal JwtKey Key { get; }

    internal int Calls => Volatile.Read(ref _calls);

    internal Exception? Failure { get; set; }

    /// <summary>Whose token it signs, whoever is asked for; null: theirs.</summary>
    internal SpiffeId? Other { get; set; }

    /// <summary>What an answer waits for.</summary>
    internal Task Until { get; set; } = Task.CompletedTask;

    public async Task<IssuedJwt> SignJwtAsync(string workloadUid, IReadOnlyList<string> audience, CancellationToken cancellationToken)
    {
        int call = Interlocked.Increment(ref _calls);
        await Until.WaitAsync(cancellationToken);
        if (Failure is { } failure) throw failure;
        SpiffeId id = Other ?? SpiffeId.ForServiceAccount("cluster.local", workloadUid.Split('/')[0], workloadUid.Split('/')[1]);
        DateTimeOffset now = _time.GetUtcNow(), end = now + JwtSvid.Lifetime;
        string names = string.Join("\",\"", audience);
        return new IssuedJwt(id.ToString(), Sign($$"""{"sub":"{{id}}","aud":["{{names}}"],"exp":{{end.ToUnixTimeSeconds()}},"iat":{{now.ToUnixTimeSeconds()}},"call":{{call}}}"""), now, end);
    }

    internal string Sign(string claims, string header = """{"alg":"ES256","kid":"k1","typ":"JWT"}""")
    {
        string signed = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}";
        return $"{signed}.{Base64Url.EncodeToString(_key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation))}";
    }

    public void Dispose() => _key.Dispose();
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.NodeAgent.Identity;

namespace Culvert.NodeAgent.Tests.Identity;

/// <summary>An authority in memory that signs for one workload whatever it is asked for, fails or hangs as a test says.</summary>
internal sealed class TestIssuer(TimeSpan lifetime) : ICertificateIssuer
{
    private readonly Lock _lock = new();
    private readonly ECDsa _authority = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly List<(int Calls, TaskCompletionSource Reached)> _waiters = [];

    internal TimeSpan Lifetime { get; set; } = lifetime;

    internal int Failures { get; set; }

    internal Exception? Failure { get; init; }

    internal int Calls { get; private set; }

    internal DateTimeOffset? NotBefore { get; init; }

    /// <summary>A certificate that stands behind the leaf; null: none does.</summary>
    internal byte[]? Above { get; set; }

    /// <summary>What an answer waits for.</summary>
    internal Task Until { get; set; } = Task.CompletedTask;

    internal TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async Task<IssuedCertificate> SignAsync(string workloadUid, ReadOnlyMemory<byte> csr, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Calls++;
            foreach ((_, TaskCompletionSource reached) in _waiters.Where(w => w.Calls <= Calls)) reached.TrySetResult();
        }

        if (Failure is not null) throw Failure;
        if (Calls <= Failures) throw new InvalidOperationException("the authority is away");
        Asked.TrySetResult();
        await Until;
        return Sign(csr.ToArray());
    }

    /// <summary>Waits until it was asked so often.</summary>
    internal Task CallsAsync(int calls)
    {
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (Calls >= calls) reached.SetResult();
            _waiters.Add((calls, reached));
        }
        return reached.Task;
    }

    internal byte[] Root() => RootOf(_authority);

    internal static byte[] RootOf(ECDsa key)
    {
        CertificateRequest request = new("CN=test", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(9));
        return root.RawData;
    }

    internal IssuedCertificate Sign(byte[] csr)
    {
        CertificateRequest request = CertificateRequest.LoadSigningRequest(csr, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddUri(new Uri("spiffe://cluster.local/ns/shop/sa/web"));
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset from = NotBefore ?? DateTimeOffset.UtcNow;
        using X509Certificate2 leaf = request.Create(new X500DistinguishedName("CN=test"), X509SignatureGenerator.CreateForECDsa(_authority), from, from + Lifetime, RandomNumberGenerator.GetBytes(16));
        return new IssuedCertificate(Above is null ? [leaf.RawData] : [leaf.RawData, Above], from, from + Lifetime);
    }
}

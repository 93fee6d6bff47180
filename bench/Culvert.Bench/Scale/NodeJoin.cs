using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller;
using Culvert.Controller.Attestation;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Culvert.Bench.Scale;

/// <summary>Gets simulated nodes their certificates as a node gets its first: by a join token, from an address of its own.</summary>
internal static class NodeJoin
{
    private const int AtOnce = 16;

    // An agent tries for as long as it runs. The controller gives a handshake 3 s, which a machine that is busy with other things can need.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);

    /// <summary>What the certificate of a controller leads to.</summary>
    /// <param name="state">Its state folder.</param>
    public static X509Certificate2Collection Roots(string state)
    {
        X509Certificate2Collection roots = [];
        roots.ImportFromPemFile(Path.Combine(state, ControllerHost.RootsFileName));
        return roots;
    }

    /// <summary>Has nodes join, some at a time. One whose connection fails tries again, for a minute.</summary>
    /// <param name="nodes">How many; they are the first so many.</param>
    /// <param name="controller">Where the controller is.</param>
    /// <param name="state">Its state folder.</param>
    /// <param name="cancellationToken">Ends the calls.</param>
    /// <returns>The certificate of each.</returns>
    /// <exception cref="RpcException">The controller refuses, or cannot be reached.</exception>
    public static async Task<IReadOnlyList<SslClientIdentity>> AllAsync(int nodes, IPEndPoint controller, string state, CancellationToken cancellationToken)
    {
        JoinTokenStore tokens = new(ControllerHost.TokenFolder(state), TimeProvider.System);
        X509Certificate2Collection roots = Roots(state);
        SslClientIdentity[] identities = new SslClientIdentity[nodes];
        ParallelOptions options = new() { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, nodes, options, async (n, stop) => identities[n] = await JoinAsync(n, controller, roots, tokens.Create(ScaleShape.Node(n), JoinTokenStore.DefaultLifetime), stop));
        return identities;
    }

    private static async Task<SslClientIdentity> JoinAsync(int node, IPEndPoint controller, X509Certificate2Collection roots, string token, CancellationToken cancellationToken)
    {
        using GrpcChannel channel = AgentChannel.Create(controller, ScaleShape.AgentAddress(node), roots, null, static _ => { });
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] csr = new CertificateRequest("O=Culvert", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        JoinNodeRequest request = new() { Node = ScaleShape.Node(node), Token = token, CsrDer = ByteString.CopyFrom(csr) };
        CertificateResponse response = await SignAsync(new(channel.CreateCallInvoker()), request, cancellationToken);
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(response.ChainDer[0].Span);
        return new(leaf.CopyWithPrivateKey(key), [.. response.ChainDer.Skip(1).Select(c => X509CertificateLoader.LoadCertificate(c.Span))]);
    }

    private static async Task<CertificateResponse> SignAsync(CertificateService.CertificateServiceClient controller, JoinNodeRequest request, CancellationToken cancellationToken)
    {
        long since = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using AsyncUnaryCall<CertificateResponse> call = controller.JoinNodeAsync(request, cancellationToken: cancellationToken);
                return await call.ResponseAsync;
            }
            catch (RpcException e) when (CallFailure.CodeOf(e) == StatusCode.Unavailable && Stopwatch.GetElapsedTime(since) < Patience)
            {
                await Task.Delay(Retry, cancellationToken);
            }
        }
    }
}

using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.Protocol;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>The agent's side of <c>culvert identity</c>: which certificates there are, and their renewal on demand. Thread-safe.</summary>
/// <param name="snapshot">The snapshot in force.</param>
/// <param name="svids">Certificates of the node's workloads.</param>
/// <param name="trust">The roots that peers of tunnels have to lead to.</param>
/// <param name="own">The node's own.</param>
/// <param name="controller">Renews that.</param>
/// <param name="time">The clock.</param>
/// <param name="federated">The bundles of other trust domains; null: there are none.</param>
internal sealed class IdentityAdmin(Func<NodeSnapshot> snapshot, ISvidStore svids, Func<TrustBundle> trust, INodeIdentity own, ControllerLink controller, TimeProvider time, Func<EquatableArray<TrustBundle>>? federated = null)
{
    // At once, of all that are asked for together: the authority has other nodes as well.
    private const int MostAtOnce = 4;

    private static readonly TimeSpan LeastTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromMinutes(10);

    /// <summary>The identities and their certificates.</summary>
    /// <exception cref="RpcException">One was asked for that this node does not have.</exception>
    internal Wire.IdentitiesResponse List(Wire.IdentitiesRequest request)
    {
        NodeSnapshot inForce = snapshot();
        TrustBundle bundle = trust();
        Wire.IdentitiesResponse response = new() { TrustDomain = inForce.TrustBundle.TrustDomain };
        response.Roots.AddRange(bundle.Roots.Select(r => ByteString.CopyFrom(r.Span)));
        if (!bundle.Equals(inForce.TrustBundle)) response.ControllerRoots.AddRange(inForce.TrustBundle.Roots.Select(r => ByteString.CopyFrom(r.Span)));
        foreach (TrustBundle foreign in federated is null ? default : federated()) response.Federated.Add(foreign.ToWire());
        response.RevokedIdentities.AddRange(inForce.Mesh.Revoked.Identities.Select(i => i.ToString()));
        response.RevokedSerials.AddRange(inForce.Mesh.Revoked.Serials.Select(s => s.ToString()));
        ILookup<SpiffeId, string> workloads = inForce.LocalWorkloads().ToLookup(w => w.Identity, w => w.Uid);
        List<Wire.HeldIdentity> identities = [.. svids.List().Select(s => ToWire(s, workloads[s.Id], svids.Source))];
        if (OfNode(inForce) is { } own) identities.Add(own);
        response.Identities.AddRange(request.Identity.Length == 0 ? identities : [identities.Find(i => i.Identity == request.Identity) ?? throw NotHere(request.Identity)]);
        return response;
    }

    /// <summary>Has certificates renewed, and waits until all are there or have failed.</summary>
    /// <exception cref="RpcException">One was asked for that this node does not have, or the request makes no sense.</exception>
    internal async Task<Wire.RotateIdentitiesResponse> RotateAsync(Wire.RotateIdentitiesRequest request, CancellationToken cancellationToken)
    {
        TimeSpan timeout = request.Timeout?.ToTimeSpan() ?? TimeSpan.Zero;
        if (timeout < LeastTimeout || timeout > LongestTimeout) throw new RpcException(new Status(StatusCode.InvalidArgument, $"the time to wait is {timeout.TotalSeconds:0} s, and has to be {LeastTimeout.TotalSeconds:0} to {LongestTimeout.TotalSeconds:0}"));
        string[] names = [.. List(new Wire.IdentitiesRequest { Identity = request.Identity }).Identities.Select(i => i.Identity)];
        using CancellationTokenSource timer = new(timeout, time);
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        Wire.IdentityRotation[] rotations = new Wire.IdentityRotation[names.Length];
        await Parallel.ForAsync(0, names.Length, new ParallelOptions { MaxDegreeOfParallelism = MostAtOnce }, async (i, _) => rotations[i] = ToWire(names[i], await RotateAsync(names[i], deadline.Token)));
        return new Wire.RotateIdentitiesResponse { Rotations = { rotations } };
    }

    private static RpcException NotHere(string identity) =>
        new(new Status(StatusCode.NotFound, $"this node has no identity '{identity}'; `culvert identity list` has those that there are"));

    private static Wire.HeldIdentity ToWire(SvidState state, IEnumerable<string> workloads, string source)
    {
        Wire.HeldIdentity identity = new() { Identity = state.Id.ToString(), Version = (uint)(state.Svid?.Version ?? 0), Error = state.LastError ?? "", Source = source };
        if (state.NextAttempt is { } next) identity.NextAttempt = Timestamp.FromDateTimeOffset(next);
        identity.Workloads.AddRange(workloads);
        if (state.Svid is { } svid) identity.Chain.AddRange(svid.Chain.Select(c => ByteString.CopyFrom(c)));
        return identity;
    }

    private static Wire.IdentityRotation ToWire(string identity, Rotation rotation) => new()
    {
        Identity = identity,
        Before = ByteString.CopyFrom(rotation.Before ?? []),
        After = ByteString.CopyFrom(rotation.After ?? []),
        Error = rotation.Error ?? "",
    };

    // By a Unix socket a node needs none.
    private Wire.HeldIdentity? OfNode(NodeSnapshot inForce)
    {
        if (controller.Headers is not null) return null;
        NodeSvid? held = own.Held;
        string trustDomain = inForce.TrustBundle.TrustDomain;
        Wire.HeldIdentity identity = new()
        {
            Identity = held?.Id.ToString() ?? (trustDomain.Length > 0 ? SpiffeId.ForNode(trustDomain, inForce.Node).ToString() : ""),
            IsNode = true,
            Source = own.Source,
            Version = (uint)(held?.Version ?? 0),
            Error = own.LastError ?? "",
        };
        if (own.DueAt is { } due && due > time.GetUtcNow()) identity.NextAttempt = Timestamp.FromDateTimeOffset(due);
        if (held is not null) identity.Chain.AddRange(held.Chain.Select(c => ByteString.CopyFrom(c)));
        return identity;
    }

    private Task<Rotation> RotateAsync(string identity, CancellationToken deadline)
    {
        if (deadline.IsCancellationRequested) return Task.FromResult(new Rotation(null, null, "it was not asked for in the time: others were before it"));
        return SpiffeId.TryParse(identity, out SpiffeId? id) && id.Node is null ? svids.RotateAsync(id, deadline) : controller.RotateAsync(deadline);
    }
}

using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using k8s.Models;

namespace Culvert.Controller.Attestation.Kubernetes;

/// <summary>
/// Attests by the service account token of the agent's pod, which the API server is asked about (TokenReview): it has to be for this controller and of the agents' service account, and to be bound to a pod,
/// whose node is the node. The kubelet gives a pod its token, and a node's kubelet can ask for tokens of its own pods only. A token is good until it expires or its pod is gone; nothing is used up.
/// </summary>
internal sealed class KubernetesAttestor(IKubernetesClient client, KubernetesAttestorOptions options, TimeProvider time) : INodeAttestor
{
    private const string NodeName = "authentication.kubernetes.io/node-name"; // Kubernetes 1.30 and newer
    private const string PodName = "authentication.kubernetes.io/pod-name", PodUid = "authentication.kubernetes.io/pod-uid";

    // The client asks 50 times a second, in turn: who is let in waits for 0.2 s for those before it.
    private const int AtOnce = 8;

    // Agents behind one address that start at once, as many as wait for 0.3 s when nobody else does.
    private const int MostWaitingOfASource = 16;
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5), RetryBusy = TimeSpan.FromSeconds(2);
    private readonly SourceQueue _queue = new(AtOnce, MostWaitingOfASource);

    public async Task<string> VerifyAsync(NodeEvidence evidence, CancellationToken cancellationToken)
    {
        ServiceAccountToken.Require(evidence.Token, options, time.GetUtcNow());
        using IDisposable place = await _queue.EnterAsync(evidence.Source, cancellationToken)
            ?? throw new AttestationException(AttestationFailure.Overloaded, "too many tokens from one address wait for the API server") { RetryAfter = RetryBusy };
        try
        {
            V1TokenReview asked = new() { Spec = new() { Token = evidence.Token, Audiences = [options.Audience] } };
            V1TokenReviewStatus review = (await client.Resource(KnownResources.TokenReviews).CreateAsync(asked, null, cancellationToken)).Status;
            if (review.Authenticated != true) throw Unknown($"the cluster does not take the token{(string.IsNullOrEmpty(review.Error) ? "" : $": {review.Error}")}");

            // A server that knows nothing of audiences says nothing of them, and would take any token.
            if (!review.Audiences.Contains(options.Audience, StringComparer.Ordinal)) throw Unknown($"the token is not for the audience '{options.Audience}'");
            if (review.User.Username != options.Username) throw Unknown($"the token is of '{review.User.Username}'; agents run as '{options.Username}'");
            string node = await FindNodeAsync(review.User, cancellationToken);
            return node == evidence.Node ? node : throw new AttestationException(AttestationFailure.OtherNode, "the token is of a pod of another node");
        }
        catch (ApiException e)
        {
            string remedy = e.MissingVerb is { } missing ? RoleRemedy.Of(missing) : "the API server can't be asked about the token now";
            throw new AttestationException(AttestationFailure.Unavailable, remedy, e) { RetryAfter = e.RetryAfter ?? Retry };
        }
    }

    public Task ConsumeAsync(NodeEvidence evidence, CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task<string> FindNodeAsync(V1UserInfo user, CancellationToken cancellationToken)
    {
        string? podName = One(user, PodName), uid = One(user, PodUid);
        if (podName is null || uid is null) throw Unknown("the token is bound to no pod; mount a projected service account token");
        if (One(user, NodeName) is { } node) return node;
        V1Pod? pod = await client.Resource(KnownResources.Pods).FindAsync(new(options.ServiceAccount.Namespace, podName), cancellationToken);

        // Of the same name there may be another pod by now.
        if (pod is null || pod.Metadata.Uid != uid || pod.Spec.NodeName is not { Length: > 0 } found) throw Unknown("the pod that the token is bound to is gone, or on no node");
        return found;
    }

    private static string? One(V1UserInfo user, string key) => user.Extra is { } extra && extra.TryGetValue(key, out IList<string>? values) && values is [{ Length: > 0 } value] ? value : null;

    private static AttestationException Unknown(string reason) => new(AttestationFailure.Unknown, reason);
}

using Culvert.Controller.Attestation;
using Culvert.Controller.Attestation.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;

namespace Culvert.Controller.Tests;

/// <summary>What is made of answers that a server of one version or another gives.</summary>
public sealed class KubernetesAttestorTests
{
    private const string Agent = "system:serviceaccount:culvert-system:culvert-agent";

    private static readonly Dictionary<string, string> Bound = new() { ["pod-name"] = "agent", ["pod-uid"] = "u1" };

    [Fact]
    public async Task TheNodeThatTheServerNamesNeedsNoLookAtThePod()
    {
        var answers = new Answers(Review(Agent, new(Bound) { ["node-name"] = "n1" }));
        Assert.Equal("n1", await new KubernetesAttestor(answers, new()).VerifyAsync(new("n1", "a.b.c"), TestContext.Current.CancellationToken));
        Assert.Equal(0, answers.PodsAsked);
        Assert.Equal("culvert-controller", Assert.Single(answers.Asked!.Spec.Audiences));
    }

    [Fact]
    public async Task AServerThatDoesNotNameTheNodeIsAskedForThePod()
    {
        var answers = new Answers(Review(Agent, Bound)) { Pod = Pod("u1", "n2") };
        Assert.Equal("n2", await new KubernetesAttestor(answers, new()).VerifyAsync(new("n2", "a.b.c"), TestContext.Current.CancellationToken));
        Assert.Equal(1, answers.PodsAsked);
    }

    [Fact]
    public async Task AnotherPodOfTheSameNameOrOneOnNoNodeProvesNothing()
    {
        await RefusedAsync(new Answers(Review(Agent, Bound)) { Pod = Pod("u2", "n1") }, "is gone");
        await RefusedAsync(new Answers(Review(Agent, Bound)) { Pod = Pod("u1", null) }, "on no node");
        await RefusedAsync(new Answers(Review(Agent, new() { ["node-name"] = "n1" })), "bound to no pod");
    }

    [Fact]
    public async Task AServerThatKnowsNothingOfAudiencesIsNotBelieved() =>
        await RefusedAsync(new Answers(Review(Agent, new(Bound) { ["node-name"] = "n1" }) with { Audiences = [] }), "not for the audience 'culvert-controller'");

    private static async Task RefusedAsync(Answers answers, string reason)
    {
        AttestationException e = await Assert.ThrowsAsync<AttestationException>(() => new KubernetesAttestor(answers, new()).VerifyAsync(new("n1", "a.b.c"), TestContext.Current.CancellationToken));
        Assert.Equal(AttestationFailure.Unknown, e.Reason);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    private static TokenReviewStatus Review(string user, Dictionary<string, string> extra) => new()
    {
        Authenticated = true,
        Audiences = ["culvert-controller"],
        User = new() { Username = user, Extra = extra.ToDictionary(e => $"authentication.kubernetes.io/{e.Key}", e => (IReadOnlyList<string>)[e.Value]) },
    };

    private static Pod Pod(string uid, string? node) => new() { Metadata = new() { Name = "agent", Namespace = "culvert-system", Uid = uid }, Spec = new() { NodeName = node } };

    private sealed class Answers(TokenReviewStatus review) : IKubernetesClient
    {
        public Pod? Pod { get; init; }

        public int PodsAsked { get; set; }

        public TokenReview? Asked { get; set; }

        public IResourceClient<T> Resource<T>(ResourceType<T> type)
            where T : class, IKubernetesObject => new Of<T>(type, this, review);
    }

    private sealed class Of<T>(ResourceType<T> type, Answers answers, TokenReviewStatus review) : IResourceClient<T>
        where T : class, IKubernetesObject
    {
        public ResourceType<T> Type => type;

        public Task<T> CreateAsync(T item, WriteOptions? options, CancellationToken cancellationToken)
        {
            answers.Asked = (TokenReview)(object)item;
            return Task.FromResult((T)(object)(answers.Asked with { Status = review }));
        }

        public Task<T> GetAsync(ResourceName name, CancellationToken cancellationToken)
        {
            answers.PodsAsked++;
            return Task.FromResult((T)(object)answers.Pod!);
        }

        public Task<ResourcePage<T>> ListPageAsync(ListOptions options, CancellationToken cancellationToken) => throw new NotSupportedException();

        public IAsyncEnumerable<WatchEvent<T>> WatchAsync(WatchOptions options, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<T> UpdateAsync(T item, WriteOptions? options, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<T> ApplyAsync(ResourceName name, ReadOnlyMemory<byte> document, ApplyOptions options, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<T> PatchAsync(ResourceName name, Patch patch, PatchOptions? options, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task DeleteAsync(ResourceName name, DeleteOptions? options, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}

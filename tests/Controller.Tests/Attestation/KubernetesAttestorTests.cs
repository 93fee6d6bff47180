using System.Net;
using Culvert.Controller.Attestation;
using Culvert.Controller.Attestation.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s;
using k8s.Models;

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
        Assert.Equal("n1", await Attestor(answers).VerifyAsync(new("n1", Tokens.Of(Agent)), TestContext.Current.CancellationToken));
        Assert.Equal(0, answers.PodsAsked);
        Assert.Equal("culvert-controller", Assert.Single(answers.Asked!.Spec.Audiences));
    }

    [Fact]
    public async Task AServerThatDoesNotNameTheNodeIsAskedForThePod()
    {
        var answers = new Answers(Review(Agent, Bound)) { Pod = Pod("u1", "n2") };
        Assert.Equal("n2", await Attestor(answers).VerifyAsync(new("n2", Tokens.Of(Agent)), TestContext.Current.CancellationToken));
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

    [Theory]
    [InlineData("a.b7.c", "is no service account token")]
    [InlineData("..", "is no service account token")]
    [InlineData("e30.e30", "is no service account token")]
    [InlineData("e30.W10.e30", "is no service account token")]
    [InlineData("e30.eyJhdWQiOiJcdWQ4MDAifQ.e30", "is not for the audience")]
    [InlineData("e30.e30.e30", "is not for the audience")]
    public async Task WhatIsNoTokenOfAgentsIsRefusedAndNobodyAsked(string token, string reason)
    {
        Answers answers = new(Review(Agent, new(Bound) { ["node-name"] = "n1" }));
        AttestationException e = await Assert.ThrowsAsync<AttestationException>(() => Attestor(answers).VerifyAsync(new("n1", token), TestContext.Current.CancellationToken));
        Assert.Equal(AttestationFailure.Unknown, e.Reason);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.Null(answers.Asked);
    }

    [Fact]
    public async Task ATokenOfAnotherAccountAudienceOrTimeIsRefusedAndNobodyAsked()
    {
        Answers answers = new(Review(Agent, new(Bound) { ["node-name"] = "n1" }));
        Assert.Contains("is of 'system:serviceaccount:shop:web'; agents run as", (await FailureAsync(Tokens.Of("system:serviceaccount:shop:web"))).Message, StringComparison.Ordinal);
        Assert.InRange((await FailureAsync(Tokens.Of(new string('x', 40_000)))).Message.Length, 400, 600);
        Assert.Contains("not for the audience", (await FailureAsync(Tokens.Of(Agent, audience: "other"))).Message, StringComparison.Ordinal);
        Assert.Equal(AttestationFailure.Expired, (await FailureAsync(Tokens.Of(Agent, end: DateTimeOffset.UtcNow.AddMinutes(-2)))).Reason);
        Assert.Null(answers.Asked);
        Assert.Equal("n1", await Attestor(answers).VerifyAsync(new("n1", Tokens.Of(Agent, end: DateTimeOffset.UtcNow.AddSeconds(-30))), TestContext.Current.CancellationToken));

        Task<AttestationException> FailureAsync(string token) => Assert.ThrowsAsync<AttestationException>(() => Attestor(answers).VerifyAsync(new("n1", token), TestContext.Current.CancellationToken));
    }

    // 3 pods, each with 64 connections and a call on each: before, a token was asked about when all that had come earlier were.
    [Fact]
    public async Task WhoAsksVeryOftenIsInNobodysWay()
    {
        SemaphoreSlim answered = new(0);
        Answers answers = new(Review(Agent, new(Bound) { ["node-name"] = "n1" })) { Answered = answered };
        KubernetesAttestor attestor = Attestor(answers);
        List<Task<string>> flood = [];
        for (int i = 0; i < 3 * 64; i++) flood.Add(attestor.VerifyAsync(new("n1", Tokens.Of(Agent)) { Source = IPAddress.Parse($"10.0.0.{1 + (i % 3)}") }, TestContext.Current.CancellationToken));
        AttestationException[] refused = [.. flood.Where(t => t.IsFaulted).Select(t => (AttestationException)t.Exception!.InnerException!)];
        Assert.Equal((3 * 64) - 8 - (3 * 16), refused.Length);
        Assert.All(refused, e => Assert.Equal((AttestationFailure.Overloaded, TimeSpan.FromSeconds(2)), (e.Reason, e.RetryAfter)));
        for (int i = 0; i < 8; i++) await answers.WasAsked.WaitAsync(TestContext.Current.CancellationToken);
        string token = Tokens.Of(Agent, end: DateTimeOffset.UtcNow.AddHours(2));
        Task<string> genuine = attestor.VerifyAsync(new("n1", token) { Source = IPAddress.Parse("10.0.0.9") }, TestContext.Current.CancellationToken);

        // The API server is asked about it as soon as it has answered one.
        answered.Release();
        await answers.WasAsked.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(token, answers.Asked!.Spec.Token);
        answered.Release(flood.Count);
        Assert.Equal("n1", await genuine);
        await Task.WhenAll(flood.Where(t => !refused.Contains(t.Exception?.InnerException)));
    }

    private static KubernetesAttestor Attestor(Answers answers) => new(answers, new(), TimeProvider.System);

    private static async Task RefusedAsync(Answers answers, string reason)
    {
        AttestationException e = await Assert.ThrowsAsync<AttestationException>(() => Attestor(answers).VerifyAsync(new("n1", Tokens.Of(Agent)), TestContext.Current.CancellationToken));
        Assert.Equal(AttestationFailure.Unknown, e.Reason);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    private static V1TokenReviewStatus Review(string user, Dictionary<string, string> extra) => new()
    {
        Authenticated = true,
        Audiences = ["culvert-controller"],
        User = new() { Username = user, Extra = extra.ToDictionary(e => $"authentication.kubernetes.io/{e.Key}", e => (IList<string>)[e.Value]) },
    };

    private static V1Pod Pod(string uid, string? node) => new() { Metadata = new() { Name = "agent", NamespaceProperty = "culvert-system", Uid = uid }, Spec = new() { NodeName = node } };

    private sealed class Answers(V1TokenReviewStatus review) : IKubernetesClient
    {
        public V1Pod? Pod { get; init; }

        public SemaphoreSlim? Answered { get; init; }

        public SemaphoreSlim WasAsked { get; } = new(0);

        public int PodsAsked { get; set; }

        public V1TokenReview? Asked { get; set; }

        public IResourceClient<T> Resource<T>(ResourceType<T> type)
            where T : class, IKubernetesObject<V1ObjectMeta> => new Of<T>(type, this, review);
    }

    private sealed class Of<T>(ResourceType<T> type, Answers answers, V1TokenReviewStatus review) : IResourceClient<T>
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        public ResourceType<T> Type => type;

        public async Task<T> CreateAsync(T item, WriteOptions? options, CancellationToken cancellationToken)
        {
            V1TokenReview asked = (V1TokenReview)(object)item;
            answers.Asked = asked;
            answers.WasAsked.Release();
            if (answers.Answered is { } answered) await answered.WaitAsync(cancellationToken);
            return (T)(object)(asked with { Status = review });
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

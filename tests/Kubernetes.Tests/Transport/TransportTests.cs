using System.Diagnostics.Metrics;
using System.Globalization;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Kubernetes.Watches;
using Culvert.Tests.Shared;
using k8s.Models;
using Microsoft.AspNetCore.Http;

namespace Culvert.Kubernetes.Tests.Transport;

/// <summary>Answers that a good server seldom gives.</summary>
public sealed class TransportTests
{
    private const string Empty = """{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":null}""";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TheServersWaitIsKept()
    {
        int asked = 0;
        await using FakeApi server = await FakeApi.StartAsync(context =>
        {
            if (Interlocked.Increment(ref asked) > 1) return context.Response.WriteAsync(Empty);
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = "3";
            return Task.CompletedTask;
        });
        var time = new ManualTime();
        using KubernetesClient client = server.Client(new() { RequestTimeout = TimeSpan.FromDays(1) }, time);
        Task<ResourcePage<V1Pod>> list = client.Resource(KnownResources.Pods).ListAsync(new(), Stop);
        await Soon.Holds("the first request is answered", () => Volatile.Read(ref asked) == 1);
        // The wait, after the deadline of the request has gone.
        await Soon.Holds("it waits", () =>
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            return time.Timers == 1 && Volatile.Read(ref asked) == 1;
        });
        await Soon.Holds("it asks again", () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return list.IsCompleted;
        });
        Assert.Equal("7", (await list).ResourceVersion);
        Assert.Equal(2, asked);
    }

    [Theory]
    [InlineData(429, "60", ApiFailure.TooManyRequests, 1)]
    [InlineData(503, "", ApiFailure.Unavailable, 1)]
    [InlineData(429, "0", ApiFailure.TooManyRequests, 5)]
    [InlineData(503, "0", ApiFailure.Unavailable, 5)]
    [InlineData(500, "0", ApiFailure.ServerError, 1)]
    [InlineData(504, "", ApiFailure.ServerTimeout, 1)]
    [InlineData(503, "2000000000", ApiFailure.Unavailable, 1)]
    public async Task WhatIsNotComeBackToFails(int code, string retryAfter, ApiFailure failure, int requests)
    {
        int asked = 0;
        await using FakeApi server = await FakeApi.StartAsync(context =>
        {
            Interlocked.Increment(ref asked);
            context.Response.StatusCode = code;
            if (retryAfter.Length > 0) context.Response.Headers.RetryAfter = retryAfter;
            return context.Response.WriteAsync("<html>a proxy in between</html>");
        });
        using KubernetesClient client = server.Client();
        ApiException error = await Assert.ThrowsAsync<ApiException>(() => client.Resource(KnownResources.Pods).ListAsync(new(), Stop));
        Assert.Equal((failure, code), (error.Failure, (int)error.StatusCode!));
        Assert.True(error.IsTransient);
        Assert.Equal(retryAfter.Length > 0 ? TimeSpan.FromSeconds(Math.Min(600, int.Parse(retryAfter, CultureInfo.InvariantCulture))) : null, error.RetryAfter);
        Assert.Equal(requests, asked);
    }

    [Theory]
    [InlineData("", "can't be read")]
    [InlineData("[]", "an object was expected")]
    [InlineData("{\"metadata\":{}}", "no metadata.resourceVersion")]
    [InlineData("{\"items\":[{\"metadata\":{\"name\":\"a\"}}", "can't be read")]
    [InlineData("{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[7]}", "can't be read")]
    public async Task AnAnswerThatIsNoListIsSaidToBeNone(string body, string reason)
    {
        await using FakeApi server = await FakeApi.StartAsync(context => context.Response.WriteAsync(body));
        using KubernetesClient client = server.Client();
        ApiException error = await Assert.ThrowsAsync<ApiException>(() => client.Resource(KnownResources.Pods).ListAsync(new(), Stop));
        Assert.Equal(ApiFailure.BadResponse, error.Failure);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnObjectThatDoesNotFitTakesNoOtherDown()
    {
        const string Body = """
            {"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[
              {"metadata":{"namespace":"n","name":"good","labels":null},"spec":{"containers":null,"unknown":[{"a":1}]},"more":{}},
              {"metadata":{"namespace":"n","name":"bad"},"spec":{"containers":[{"ports":[{"name":"x"}]}]}},
              {"metadata":{"namespace":"n"}}]}
            """;
        await using FakeApi server = await FakeApi.StartAsync(context => context.Response.WriteAsync(Body));
        using KubernetesClient client = server.Client();
        ResourcePage<V1Pod> page = await client.Resource(KnownResources.Pods).ListAsync(new(), Stop);
        Assert.Empty(Assert.Single(page.Items, p => p.Metadata.Name == "good").Spec.Containers);
        UnreadableObject bad = Assert.Single(page.Unreadable, u => u.Metadata.Name == "bad");
        Assert.Contains("containerPort", bad.Reason, StringComparison.Ordinal);
        Assert.Contains("metadata.name is missing", Assert.Single(page.Unreadable, u => u.Metadata.Name is null).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnErrorWithoutAnEndIsCutOff()
    {
        await using FakeApi server = await FakeApi.StartAsync(async context =>
        {
            context.Response.StatusCode = 500;
            byte[] junk = new byte[64 << 10];
            while (!context.RequestAborted.IsCancellationRequested) await context.Response.Body.WriteAsync(junk);
        });
        using KubernetesClient client = server.Client();
        ApiException error = await Assert.ThrowsAsync<ApiException>(() => Soon.Ends(client.Resource(KnownResources.Pods).ListAsync(new(), Stop)));
        Assert.Equal(ApiFailure.ServerError, error.Failure);
        Assert.EndsWith("the server answered 500 InternalServerError", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManagedFieldsAndWhatIsOfNoUseAreNotKept()
    {
        const string Body = """
            {"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[
              {"metadata":{"name":"a","creationTimestamp":"2026-01-02T03:04:05Z","managedFields":[{"manager":"m"}]},"spec":{"volumes":7,"containers":[{"name":"c","env":"odd"}]}},
              {"metadata":{"name":"b"},"spec":{"nodeName":7}}]}
            """;
        await using FakeApi server = await FakeApi.StartAsync(context => context.Response.WriteAsync(Body));
        using KubernetesClient client = server.Client();
        ResourcePage<V1Pod> page = await client.Resource(KnownResources.Pods).ListAsync(new(), Stop);
        V1Pod pod = Assert.Single(page.Items);
        Assert.Null(pod.Metadata.ManagedFields);
        Assert.Null(pod.Spec.Containers[0].Env);
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), pod.Metadata.Created);
        Assert.Equal((0, 0, "default"), (pod.Metadata.Labels.Count, pod.Status.Conditions.Count, pod.Spec.ServiceAccountName));
        Assert.Equal("b", Assert.Single(page.Unreadable).Metadata.Name);
    }

    [Fact]
    public async Task ALineOfAWatchThatIsTooLongEndsIt()
    {
        await using FakeApi server = await FakeApi.StartAsync(async context =>
        {
            await context.Response.WriteAsync("""{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}""" + "\n");
            byte[] junk = new byte[64 << 10];
            Array.Fill(junk, (byte)' ');
            while (!context.RequestAborted.IsCancellationRequested) await context.Response.Body.WriteAsync(junk);
        });
        using KubernetesClient client = server.Client(new() { RequestTimeout = Soon.Limit, MaxEventBytes = 100_000 });
        var seen = new List<WatchEventType>();
        ApiException error = await Assert.ThrowsAsync<ApiException>(async () =>
        {
            await foreach (WatchEvent<V1Pod> change in client.Resource(KnownResources.Pods).WatchAsync(new(), Stop)) seen.Add(change.Type);
        });
        Assert.Equal([WatchEventType.Opened, WatchEventType.Added], seen);
        Assert.Equal(ApiFailure.BadResponse, error.Failure);
        Assert.Contains("100000 bytes", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("[1]")]
    [InlineData("{\"type\":\"ADDED\"}")]
    [InlineData("{\"type\":7,\"object\":{}}")]
    [InlineData("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}")]
    [InlineData("{\"type\":\"BOOKMARK\",\"object\":null}")]
    public async Task AnEventThatIsNoneEndsTheWatch(string line)
    {
        await using FakeApi server = await FakeApi.StartAsync(context => context.Response.WriteAsync(line + "\n"));
        using KubernetesClient client = server.Client();
        ApiException error = await Assert.ThrowsAsync<ApiException>(async () =>
        {
            await foreach (WatchEvent<V1Pod> change in client.Resource(KnownResources.Pods).WatchAsync(new(), Stop)) Assert.Equal(WatchEventType.Opened, change.Type);
        });
        Assert.Equal(ApiFailure.BadResponse, error.Failure);
    }

    [Fact]
    public async Task EventsAreReadWhateverTheirOrderAndUnknownKindsArePassedOver()
    {
        const string Lines = """
            {"object":{"metadata":{"name":"a","resourceVersion":"1"}},"type":"ADDED"}
            {"type":"LATER","object":{}}

            {"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"5","creationTimestamp":null},"spec":{"containers":null}}}
            {"type":"MODIFIED","object":{"metadata":{"name":"bad","resourceVersion":"6"},"spec":7}}
            {"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}
            """;
        await using FakeApi server = await FakeApi.StartAsync(context => context.Response.WriteAsync(Lines + "\n"));
        using KubernetesClient client = server.Client();
        var seen = new List<string>();
        ApiException error = await Assert.ThrowsAsync<ApiException>(async () =>
        {
            await foreach (WatchEvent<V1Pod> change in client.Resource(KnownResources.Pods).WatchAsync(new() { ResourceVersion = "0" }, Stop))
            {
                seen.Add($"{change.Type} {change.ResourceVersion} {change.Item?.Metadata.Name}{change.Unreadable?.Metadata.Name}");
            }
        });
        Assert.Equal(["Opened 0 ", "Added 1 a", "Bookmark 5 ", "Modified 6 bad"], seen);
        Assert.Equal(ApiFailure.Expired, error.Failure);
    }

    [Fact]
    public async Task AnAnswerThatDoesNotComeIsGivenUp()
    {
        var asked = new TaskCompletionSource();
        await using FakeApi server = await FakeApi.StartAsync(async context =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        var time = new ManualTime();
        using KubernetesClient client = server.Client(new() { RequestTimeout = TimeSpan.FromSeconds(30) }, time);
        Task<ResourcePage<V1Pod>> list = client.Resource(KnownResources.Pods).ListAsync(new(), Stop);
        await Soon.Ends(asked.Task);
        time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(ApiFailure.TimedOut, (await Assert.ThrowsAsync<ApiException>(() => Soon.Ends(list))).Failure);
    }

    [Fact]
    public async Task WhoActsForAnotherSaysSo()
    {
        IHeaderDictionary? seen = null;
        await using FakeApi server = await FakeApi.StartAsync(context =>
        {
            seen = new HeaderDictionary(context.Request.Headers.ToDictionary(h => h.Key, h => h.Value));
            return context.Response.WriteAsync(Empty);
        });
        var configuration = new ClusterConfiguration
        {
            Server = server.Address,
            Origin = "a test",
            Credentials = new() { Token = "t", ImpersonateUser = "alice", ImpersonateGroups = ["a", "b"], ImpersonateExtra = [new("k", "v")] },
        };
        using var metrics = new KubernetesMetrics();
        using var client = new KubernetesClient(configuration, new() { RequestTimeout = Soon.Limit }, metrics, TimeProvider.System, new RecordingLogger<KubernetesClient>());
        await client.Resource(KnownResources.Pods).ListAsync(new(), Stop);
        Assert.Equal(("Bearer t", "alice", "v"), (seen!.Authorization.ToString(), seen["Impersonate-User"].ToString(), seen["Impersonate-Extra-k"].ToString()));
        Assert.Equal(["a", "b"], seen["Impersonate-Group"].SelectMany(v => v!.Split(", ")));
        Assert.StartsWith("culvert/", seen.UserAgent.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RequestsAreCounted()
    {
        using var metrics = new KubernetesMetrics();
        var counted = new List<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            Assert.False(string.IsNullOrEmpty(instrument.Unit) || string.IsNullOrEmpty(instrument.Description), instrument.Name);
            if (instrument.Name is "culvert.kubernetes.requests" or "culvert.kubernetes.list.pages") l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            lock (counted) counted.Add($"{instrument.Name} {value} {string.Join(' ', tags.ToArray().Select(t => $"{t.Key}={t.Value}"))}");
        });
        listener.Start();
        await using FakeApi server = await FakeApi.StartAsync(context =>
        {
            context.Response.StatusCode = context.Request.Path.Value!.EndsWith("networkpolicies", StringComparison.Ordinal) ? 200 : 403;
            return context.Response.WriteAsync(Empty);
        });
        // Other tests have meters of the same name, and never these kinds with these codes.
        using KubernetesClient client = server.Client(metrics: metrics);
        await client.Resource(KnownResources.NetworkPolicies).ListAsync(new(), Stop);
        await Assert.ThrowsAsync<ApiException>(() => client.Resource(KnownResources.NetworkPolicies).DeleteAsync(new("n", "x"), null, Stop));
        lock (counted)
        {
            Assert.Contains("culvert.kubernetes.requests 1 verb=list resource=networkpolicies.networking.k8s.io code=200", counted);
            Assert.Contains("culvert.kubernetes.requests 1 verb=delete resource=networkpolicies.networking.k8s.io code=403", counted);
            Assert.Contains("culvert.kubernetes.list.pages 1 resource=networkpolicies.networking.k8s.io", counted);
        }
    }
}

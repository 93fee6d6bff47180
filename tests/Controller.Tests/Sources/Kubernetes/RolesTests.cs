using System.Collections.Concurrent;
using System.Text.Json;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>What <c>deploy/controller</c> lets a controller do in a cluster: what it needs, and nothing else.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class RolesTests(TestCluster cluster, ControllerWork work, NarrowedRoles narrowed) : IClassFixture<ControllerWork>, IClassFixture<NarrowedRoles>
{
    private const string Space = ControllerWork.Space;

    public static TheoryData<string, int, string, string, string> Verbs => [.. DeployedRoles.Verbs.Select(v => new TheoryDataRow<string, int, string, string, string>($"{v.Kind} {v.Role}", v.Rule, v.Api, v.Resource, v.Verb))];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AControllerUsesEveryVerbOfItsRolesAndIsRefusedNothing()
    {
        await work.UndoAsync();
        long before = cluster.AuditedSize;
        await using RunningOnCluster controller = await work.StartAsync(ControllerWork.Name, null, Stop);
        await work.GiveAsync(controller);

        (HashSet<string> everywhere, HashSet<string> here) = await GrantedAsync();
        string[] unused = [];
        await Soon.Holds("every verb has been used", () =>
        {
            // What a rule for this namespace allows needs none for all.
            Request[] asked = [.. Requests(cluster.Audited(before))];
            HashSet<string> ours = [.. asked.SelectMany(r => r.InNamespace).Where(here.Contains)];
            HashSet<string> others = [.. asked.Where(r => !r.InNamespace.Any(here.Contains)).SelectMany(r => r.Anywhere)];
            unused = [.. everywhere.Except(others), .. here.Except(ours)];
            return unused.Length == 0;
        }, () => string.Join('\n', unused));
        JsonElement[] refused = [.. cluster.Audited(before).Where(IsRefusal)];
        Assert.True(refused.Length == 0, string.Join('\n', refused));
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task WithoutAVerbOfItsRolesAControllerIsRefusedWhatItIsForAndSaysWhichItLacks(string role, int rule, string api, string resource, string verb)
    {
        GrantedVerb without = new(role.Split(' ')[0], role.Split(' ')[1], rule, api, resource, verb);
        Assert.SkipWhen(IsForOlderServers(without), "from Kubernetes 1.30 on a token says of which node its pod is");
        await work.UndoAsync();
        ConcurrentQueue<string> told = [];
        using ILoggerFactory loggers = LoggerFactory.Create(l => l.AddProvider(new LineLogger(told)));
        using CancellationTokenSource enough = new();
        long before = cluster.AuditedSize;
        Task run = RunAsync(narrowed.AccountOf(without), told, loggers, enough.Token);
        try
        {
            // Of what is watched `culvert status` says it.
            string lacking = $"role lacks the verb {verb} on {without.FullResource}", said = without is { Kind: "ClusterRole", Verb: "list" or "watch" } ? $"{without.FullResource} can't be watched: the controller's {lacking}" : lacking;
            string[] refused = [];
            await Soon.Holds($"the server refuses it, and '{said}' is said", () =>
            {
                refused = [.. cluster.Audited(before).Where(IsRefusal).SelectMany(e => Requests([e])).Select(r => r.Anywhere[0]).Distinct()];
                return refused.Contains($"{verb} {resource}.{api}") && told.Any(l => l.Contains($"{said};", StringComparison.Ordinal) || l.EndsWith(said, StringComparison.Ordinal));
            }, () => $"{string.Join(", ", refused)}; {string.Join('\n', told)}");

            // Nothing else is, so that it is this verb that is needed for it.
            Assert.Equal([$"{verb} {resource}.{api}"], refused);
        }
        finally
        {
            await enough.CancelAsync();
            await run;
        }
    }

    [Fact]
    public async Task WhatNeverCountsHoldsNothingUpWhereItMayNotBeRead()
    {
        await work.UndoAsync();
        GrantedVerb without = DeployedRoles.Verbs.Single(v => v is { Resource: "tlsroutes", Verb: "list" });
        await using RunningOnCluster controller = await work.StartAsync(narrowed.AccountOf(without), null, Stop);
        await work.GiveAsync(controller);
        await controller.ErrorsAsync("it is told", e => e.Any(t => t.Contains("tlsroutes.gateway.networking.k8s.io can't be watched: the controller's role lacks the verb list", StringComparison.Ordinal) && t.Contains("is not told of each", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task AgentsHaveNoRoleAndTheirTokensAreNoneOfTheApiServers()
    {
        Assert.All(DeployedRoles.Accounts, a => Assert.Equal($"{Space}/{ControllerWork.Name}", a));
        using KubernetesClient agent = cluster.Server.Client(await work.AgentTokenAsync("culvert-controller"));
        Assert.Equal(ApiFailure.Unauthorized, (await Assert.ThrowsAsync<ApiException>(() => agent.Resource(KnownResources.Pods).ListAsync(new() { Namespace = Space }, Stop))).Failure);
    }

    /// <summary>Runs a controller, and gives it to do, until it is told that that is enough.</summary>
    private async Task RunAsync(string account, ConcurrentQueue<string> told, ILoggerFactory loggers, CancellationToken enough)
    {
        RunningOnCluster controller;
        try
        {
            controller = await work.StartAsync(account, loggers, enough);
        }
        catch (IOException e)
        {
            told.Enqueue(e.Message); // what the program ends with
            return;
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested)
        {
            return;
        }
        await using (controller)
        {
            Task given = work.GiveAsync(controller);
            try
            {
                await given.WaitAsync(enough);
                await Task.Delay(Timeout.Infinite, enough);
            }
            catch (RpcException e)
            {
                told.Enqueue(e.Status.Detail); // what an agent is told
            }
            catch (OperationCanceledException) when (enough.IsCancellationRequested)
            {
                // As it was told to.
            }
        }
    }

    private bool IsForOlderServers(GrantedVerb verb) => cluster.Minor >= 30 && verb is { Kind: "Role", Api: "", Resource: "pods", Verb: "get" };

    private async Task<(HashSet<string> Everywhere, HashSet<string> Here)> GrantedAsync()
    {
        HashSet<string> here = [.. await RulesAsync("role")];

        // From then on a token says of which node its pod is.
        if (cluster.Minor >= 30) here.RemoveWhere(r => r.StartsWith("get pods.", StringComparison.Ordinal));
        return ([.. await RulesAsync("clusterrole")], here);

        async Task<IEnumerable<string>> RulesAsync(string kind)
        {
            JsonElement role = JsonDocument.Parse(await cluster.Server.KubectlAsync("", "get", kind, "culvert-controller", "-n", Space, "-o", "json")).RootElement;
            return
                from rule in role.GetProperty("rules").EnumerateArray()
                from api in Texts(rule, "apiGroups")
                from resource in Texts(rule, "resources")
                from verb in Texts(rule, "verbs")
                from name in rule.TryGetProperty("resourceNames", out JsonElement _) ? Texts(rule, "resourceNames").Select(n => $" {n}") : [""]
                select $"{verb} {resource}.{api}{name}";
        }
    }

    private static bool IsRefusal(JsonElement entry) => entry.TryGetProperty("responseStatus", out JsonElement status) && status.GetProperty("code").GetInt32() == 403;

    // What others than this one's rules allow, such as discovery, is about no resource.
    private static IEnumerable<Request> Requests(IEnumerable<JsonElement> entries) =>
        from entry in entries
        where entry.TryGetProperty("objectRef", out JsonElement _)
        let asked = entry.GetProperty("objectRef")
        let part = asked.TryGetProperty("subresource", out JsonElement sub) ? $"/{sub.GetString()}" : ""
        let what = $"{entry.GetProperty("verb").GetString()} {asked.GetProperty("resource").GetString()}{part}.{(asked.TryGetProperty("apiGroup", out JsonElement api) ? api.GetString() : "")}"
        let named = $"{what} {(asked.TryGetProperty("name", out JsonElement name) ? name.GetString() : "")}"
        let isHere = asked.TryGetProperty("namespace", out JsonElement space) && space.GetString() == Space
        select new Request([what, named], isHere ? [what, named] : []);

    private static IEnumerable<string> Texts(JsonElement rule, string name) => rule.GetProperty(name).EnumerateArray().Select(e => e.GetString()!);

    /// <summary>What was asked, as rules say it.</summary>
    /// <param name="Anywhere">In a rule for all namespaces, without and with the name of the object.</param>
    /// <param name="InNamespace">The same in one for the controller's own; none where it was asked elsewhere.</param>
    private sealed record Request(string[] Anywhere, string[] InNamespace);
}

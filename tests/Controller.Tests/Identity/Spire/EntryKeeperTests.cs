using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Core;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Protocol.SpireTypes;
using Culvert.Tests.Shared.Spire;
using Grpc.Core;
using Entry = Culvert.Protocol.SpireTypes.Entry;
using RpcStatus = Grpc.Core.Status;

namespace Culvert.Controller.Tests.Identity.Spire;

/// <summary>The entries of enrolled pods at a SPIRE server, which behaves as a real one was seen to.</summary>
public sealed class EntryKeeperTests
{
    private const string Create = "BatchCreateEntry", Update = "BatchUpdateEntry", Delete = "BatchDeleteEntry", List = "ListEntries";
    private static readonly RpcStatus Gone = new(StatusCode.Unavailable, "gone");

    [Fact]
    public async Task ThereIsOneForEachIdentityOnEachNode()
    {
        await using Kept kept = await Kept.CreateAsync(o => o with { DnsNames = [Kept.OfIdentity("{serviceAccount}.{namespace}.svc")] });
        kept.World.Set(FakeWorld.Pod("a"), FakeWorld.Pod("b"), FakeWorld.Pod("c", "n2"), FakeWorld.Pod("d", "n2", "bank"), FakeWorld.Pod("e", "n3", enrolled: false));
        EntryStatus status = await kept.LeadAsync();
        Assert.Equal(new EntryStatus(3, 3, 0, 0, IsDone: true), status);
        Assert.Equal(
            ["/ns/shop/sa/bank uid-n2", "/ns/shop/sa/web uid-n1", "/ns/shop/sa/web uid-n2"],
            kept.Own.Select(e => $"{e.SpiffeId.Path} {e.ParentId.Path.Split('/')[^1]}").Order(StringComparer.Ordinal));
        Entry web = kept.Own.First(e => e.SpiffeId.Path == "/ns/shop/sa/web");
        Assert.Equal((StandInSpire.TrustDomain, 3600, "web.shop.svc", 0L), (web.SpiffeId.TrustDomain, web.X509SvidTtl, Assert.Single(web.DnsNames), web.ExpiresAt));
        Assert.Equal(["k8s ns:shop", "k8s sa:web"], web.Selectors.Select(s => $"{s.Type} {s.Value}"));
        Assert.False(web.Admin || web.Downstream || web.StoreSvid);
    }

    [Fact]
    public async Task WhatIsAsItShouldBeIsNotWrittenAgain()
    {
        await using Kept kept = await Kept.CreateAsync(o => o with { FederatesWith = ["peer"], DnsNames = [Kept.OfIdentity("z.{namespace}"), Kept.OfIdentity("a.{namespace}")] });
        kept.Spire.FederatedBundles["peer"] = true;
        kept.World.Set(FakeWorld.Pods(30));
        await kept.LeadAsync();
        kept.ForgetCalls();
        await kept.AfterAsync(kept.Options.ResyncInterval);
        await kept.AfterAsync(kept.World.Touch);
        Assert.Equal([$"{List} 500", $"{List} 500"], kept.Entries.Calls);

        // Nor by whoever leads next.
        await using Kept next = Kept.Beside(kept, o => o with { FederatesWith = ["peer"], DnsNames = kept.Options.DnsNames });
        await kept.ResignAsync();
        kept.ForgetCalls();
        next.World.Set(FakeWorld.Pods(30));
        Assert.Equal(30, (await next.LeadAsync()).Own);
        Assert.Equal([$"{List} 500", $"{List} 500"], kept.Entries.Calls);
        Assert.All(kept.Own, e => Assert.Equal(0, e.RevisionNumber));
    }

    [Fact]
    public async Task OnlyTheLastPodOfAnIdentityOnANodeTakesItsEntryAlong()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pod("a"), FakeWorld.Pod("b"), FakeWorld.Pod("c", "n2"));
        await kept.LeadAsync();
        await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pod("b"), FakeWorld.Pod("c", "n2")));
        await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal(2, kept.Own.Count);
        await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pod("c", "n2")));
        Assert.Equal(2, kept.Own.Count);
        await kept.AfterAsync(kept.Options.Linger);
        Assert.Equal("uid-n2", Assert.Single(kept.Own).ParentId.Path.Split('/')[^1]);
    }

    [Fact]
    public async Task APodThatIsReplacedFindsItsIdentityThere()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pod("a"));
        await kept.LeadAsync();
        await kept.AfterAsync(() => kept.World.Set());
        await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pod("b")));
        kept.ForgetCalls();
        await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal([$"{List} 500", $"{List} 500"], kept.Entries.Calls);
        Assert.Single(kept.Own);
    }

    [Fact]
    public async Task EntriesOfOthersAreNeverTouched()
    {
        await using Kept kept = await Kept.CreateAsync();
        Entry[] others =
        [
            kept.Entries.Put(Foreign("culvert.testing2.0123", "/ns/shop/sa/old")),
            kept.Entries.Put(Foreign("culvert.test.0123", "/ns/shop/sa/web")),
            kept.Entries.Put(Foreign("", "/ns/shop/sa/web")),
            kept.Entries.Put(Foreign("admin", "/ns/culvert-system/sa/culvert-controller", admin: true)),
        ];
        Entry[] before = [.. others.Select(e => e.Clone())];
        kept.World.Set(FakeWorld.Pod("a"));
        await kept.LeadAsync();
        await kept.AfterAsync(() => kept.World.Set());
        await kept.AfterAsync(kept.Options.Linger);
        await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal((1, 1), (kept.Entries.Count(Create), kept.Entries.Count(Delete)));
        Assert.Equal(before, kept.Entries.All);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AnEntryThatSomebodyElseKeepsIsLeftToThem(bool comesLater)
    {
        await using Kept kept = await Kept.CreateAsync();
        Entry similar = Foreign("theirs", "/ns/shop/sa/web", selectors: ["sa:web", "ns:shop"]);
        similar.ParentId.Path = "/spire/agent/k8s_psat/c/uid-n1";
        if (comesLater)
        {
            kept.World.Set();
            await kept.LeadAsync();
        }
        kept.Entries.Put(similar);
        void Enrol() => kept.World.Set(FakeWorld.Pod("a"), FakeWorld.Pod("b", "n2"));
        if (!comesLater) Enrol();
        EntryStatus status = comesLater ? await kept.AfterAsync(Enrol) : await kept.LeadAsync();
        Assert.Equal(new EntryStatus(2, 1, 1, 0, IsDone: true), status);
        Assert.Equal($"{Create} {(comesLater ? 2 : 1)}", kept.Entries.Calls.Last());
        await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal(1, kept.Entries.Count(Create));
        Assert.Single(kept.SaidOf("by the ID theirs"));

        // It goes, and is wanted still.
        kept.Entries.Drop("theirs");
        await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal(2, kept.Own.Count);
    }

    [Fact]
    public async Task FiveThousandEntriesTakeAHandfulOfCalls()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(5000));
        Assert.Equal(new EntryStatus(5000, 5000, 0, 0, IsDone: true), await kept.LeadAsync());
        Assert.Equal((1, 25), (kept.Entries.Count(List), kept.Entries.Count(Create)));
        Assert.All(kept.Entries.Calls.Where(c => c.StartsWith(Create, StringComparison.Ordinal)), c => Assert.Equal($"{Create} 200", c));
        kept.ForgetCalls();
        EntryStatus status = await kept.AfterAsync(kept.Options.ResyncInterval);

        // The last of the pages is empty.
        Assert.Equal((5000, 11, 11), (status.Own, kept.Entries.Count(List), kept.Entries.Calls.Count));
    }

    [Fact]
    public async Task PagesThatAreTooLongForAMessageAreReadInSmallerOnes()
    {
        await using Kept kept = await Kept.CreateAsync();
        for (int i = 0; i < 600; i++)
        {
            Entry wide = Foreign("", $"/ns/other/sa/a{i}");
            wide.DnsNames.AddRange(Enumerable.Range(0, 100).Select(n => $"{new string('a', 100)}{n}.example"));
            kept.Entries.Put(wide);
        }
        kept.World.Set(FakeWorld.Pod("a"));
        EntryStatus status = await kept.LeadAsync();
        Assert.Equal((1, true), (status.Own, status.IsDone));
        Assert.Contains(kept.Entries.Calls, c => c == $"{List} 62");
    }

    [Fact]
    public async Task WhatIsRefusedIsTriedAgainAloneAndKeepsNobodyElseWaiting()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.Entries.Refusal = e => e.SpiffeId.Path.EndsWith("/a7", StringComparison.Ordinal) ? new() { Code = 3, Message = "the server's own words" } : null;
        kept.World.Set(FakeWorld.Pods(20));
        EntryStatus status = await kept.LeadAsync();
        Assert.Equal(new EntryStatus(20, 19, 0, 1, IsDone: true), status);
        Assert.Contains("the server's own words", Assert.Single(kept.SaidOf("not as they should be")), StringComparison.Ordinal);
        kept.ForgetCalls();
        for (int i = 0; i < 4; i++) await kept.AfterAsync(kept.Options.LongestRetry);
        Assert.All(kept.Entries.Calls, c => Assert.Equal($"{Create} 1", c));
        Assert.Single(kept.SaidOf("not as they should be"));
        kept.Entries.Refusal = _ => null;
        Assert.Equal(new EntryStatus(20, 20, 0, 0, IsDone: true), await kept.AfterAsync(kept.Options.LongestRetry));
        Assert.Single(kept.SaidOf("are as they should be"));
        kept.ForgetCalls();
        await kept.AfterAsync(kept.World.Touch);
        Assert.Empty(kept.Entries.Calls);
    }

    [Fact]
    public async Task ADeletionThatIsRefusedIsTriedAgain()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(2));
        await kept.LeadAsync();
        kept.Entries.Refusal = e => e.SpiffeId.Path.EndsWith("/a0", StringComparison.Ordinal) ? new() { Code = 14, Message = "busy" } : null;
        await kept.AfterAsync(() => kept.World.Set());
        EntryStatus status = await kept.AfterAsync(kept.Options.Linger);
        Assert.Equal((1, 1), (status.Own, status.Failing));
        kept.Entries.Refusal = _ => null;
        await kept.AfterAsync(kept.Options.LongestRetry);
        Assert.Empty(kept.Own);
    }

    [Fact]
    public async Task AWorldThatNobodyHasReadDeletesNothing()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(5));
        await kept.LeadAsync();
        await kept.ResignAsync();
        await using Kept next = Kept.Beside(kept);
        kept.ForgetCalls();
        await next.LeadAsync();
        next.Time.Advance(TimeSpan.FromHours(1));
        await next.AfterAsync(next.World.Touch);
        Assert.Empty(kept.Entries.Calls);
        Assert.Equal(5, kept.Own.Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(25)]
    public async Task ManyAtOnceAreDeletedWhenItHasStayedSo(int left)
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(60));
        await kept.LeadAsync();
        await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pods(left)));
        await kept.Time.TimersAsync(1);
        kept.Time.Advance(kept.Options.MassLinger - TimeSpan.FromSeconds(1));
        await kept.AfterAsync(kept.World.Touch);
        Assert.Equal(60, kept.Own.Count);
        Assert.Single(kept.SaidOf($"{60 - left} of 60 SPIRE entries of this mesh are not wanted any more"));
        await kept.AfterAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(left, kept.Own.Count);
    }

    [Fact]
    public async Task AMistakeThatIsMendedInTimeDeletesNothing()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(60));
        await kept.LeadAsync();
        await kept.AfterAsync(() => kept.World.Set());
        await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pods(60)));
        await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal(0, kept.Entries.Count(Delete));
    }

    [Fact]
    public async Task WithoutTheBundleOfAnotherTrustDomainEntriesAreMadeWithoutItUntilItComes()
    {
        await using Kept kept = await Kept.CreateAsync(o => o with { FederatesWith = ["there", "absent"] });
        kept.Spire.FederatedBundles["there"] = true;
        kept.World.Set(FakeWorld.Pods(3));
        EntryStatus status = await kept.LeadAsync();
        Assert.Equal((3, 0), (status.Own, status.Failing));
        Assert.All(kept.Own, e => Assert.Equal(["there"], e.FederatesWith));
        Assert.Contains("spire-server federation create", Assert.Single(kept.SaidOf("has no bundle of absent")), StringComparison.Ordinal);
        await kept.AfterAsync(kept.Options.BundleInterval);
        Assert.Equal(0, kept.Entries.Count(Update));
        kept.Spire.FederatedBundles["absent"] = true;
        await kept.AfterAsync(kept.Options.BundleInterval);
        Assert.All(kept.Own, e => Assert.Equal("absent there 1", $"{string.Join(' ', e.FederatesWith.Order(StringComparer.Ordinal))} {e.RevisionNumber}"));
        Assert.Single(kept.SaidOf("has no bundle of"));
    }

    [Fact]
    public async Task ABundleThatGoesBetweenQuestionAndUseIsAskedForAgain()
    {
        await using Kept kept = await Kept.CreateAsync(o => o with { FederatesWith = ["peer"] });
        kept.Spire.FederatedBundles["peer"] = true;
        kept.World.Set();
        await kept.LeadAsync();
        kept.Spire.FederatedBundles.Clear();
        EntryStatus status = await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pod("a")));
        Assert.Equal((0, 1), (status.Own, status.Failing));
        Assert.Single(kept.SaidOf("unable to find federated bundle \"spiffe://peer\""));
        status = await kept.AfterAsync(kept.Options.FirstRetry);
        Assert.Equal((1, 0), (status.Own, status.Failing));
        Assert.Empty(Assert.Single(kept.Own).FederatesWith);
    }

    [Fact]
    public async Task OnlyWhatIsDifferentIsUpdated()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(5));
        await kept.LeadAsync();
        string changed = kept.Own[2].Id;
        kept.Entries.Change(changed, e => (e.Admin, e.X509SvidTtl) = (true, 7));
        await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal(1, kept.Entries.Calls.Count(c => c == $"{Update} 1"));
        Assert.All(kept.Own, e => Assert.Equal((false, 3600, e.Id == changed ? 1L : 0L), (e.Admin, e.X509SvidTtl, e.RevisionNumber)));

        // Of all, where the mesh says something else.
        kept.World.Mesh = kept.World.Mesh with { CertificateLifetime = TimeSpan.FromMinutes(10) };
        await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pods(5)));
        Assert.All(kept.Own, e => Assert.Equal(600, e.X509SvidTtl));
        Assert.Equal(1, kept.Entries.Calls.Count(c => c == $"{Update} 5"));
    }

    [Fact]
    public async Task AnEntryOfWhichSomebodyHasMadeAnotherIsReplaced()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(3));
        await kept.LeadAsync();
        string id = kept.Own[1].Id, path = kept.Own[1].SpiffeId.Path;
        kept.Entries.Change(id, e => e.SpiffeId.Path = "/ns/shop/sa/bank");
        await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal((path, 0L), (kept.Own.Single(e => e.Id == id).SpiffeId.Path, kept.Own.Single(e => e.Id == id).RevisionNumber));
        Assert.DoesNotContain(kept.Own, e => e.SpiffeId.Path == "/ns/shop/sa/bank");
    }

    [Fact]
    public async Task AnEntryThatSomebodyHasDeletedIsMadeAgain()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(3));
        await kept.LeadAsync();

        // What an update does not find is created.
        kept.Entries.Drop(kept.Own[0].Id);
        kept.World.Mesh = kept.World.Mesh with { CertificateLifetime = TimeSpan.FromMinutes(10) };
        await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pods(3)));
        await kept.AfterAsync(kept.Options.FirstRetry);
        Assert.Equal(3, kept.Own.Count);
        kept.Entries.Drop(kept.Own[0].Id);
        await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal(3, kept.Own.Count);
    }

    [Fact]
    public async Task EntriesOfARevokedIdentityGoAtOnce()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(3));
        await kept.LeadAsync();
        kept.World.Mesh = kept.World.Mesh with { Revoked = new() { Identities = [SpiffeId.ForServiceAccount(StandInSpire.TrustDomain, "shop", "a1")] } };
        await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pods(3)));
        Assert.Equal(["/ns/shop/sa/a0", "/ns/shop/sa/a2"], kept.Own.Select(e => e.SpiffeId.Path).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AnEntryStaysUntilTheOneInItsPlaceIsThere(bool isRefused)
    {
        await using Kept before = await Kept.CreateAsync();
        before.World.Set(FakeWorld.Pods(3));
        await before.LeadAsync();
        await before.ResignAsync();
        await using Kept kept = Kept.Beside(before, o => o with { Selectors = [.. o.Selectors, Kept.Selector("k8s:container-name:app")] });
        if (isRefused) kept.Entries.Refusal = e => e.Selectors.Count == 3 ? new() { Code = 3, Message = "no" } : null;
        kept.World.Set(FakeWorld.Pods(3));
        await kept.LeadAsync();
        Assert.Equal(isRefused ? 3 : 6, kept.Own.Count);
        await kept.AfterAsync(kept.Options.Linger);
        await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal(3, kept.Own.Count);
        Assert.All(kept.Own, e => Assert.Equal(isRefused ? 2 : 3, e.Selectors.Count));
    }

    [Fact]
    public async Task WhileTheServerIsAwayNothingIsWrittenAndThenAllIsComparedAgain()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(3));
        kept.Spire.Fault = m => m.EndsWith(List, StringComparison.Ordinal) ? Gone : null;
        Assert.False((await kept.LeadAsync()).IsDone);
        for (int i = 0; i < 5; i++) Assert.False((await kept.AfterAsync(kept.Options.LongestRetry)).IsDone);
        Assert.Empty(kept.Entries.Calls);
        Assert.Contains("Does the server run", Assert.Single(kept.SaidOf("can't be kept")), StringComparison.Ordinal);
        kept.Spire.Fault = _ => null;
        Assert.Equal(new EntryStatus(3, 3, 0, 0, IsDone: true), await kept.AfterAsync(kept.Options.LongestRetry));
        Assert.Single(kept.SaidOf("are kept again"));
    }

    [Fact]
    public async Task AServerThatGoesInTheMiddleIsAskedWhatItHasWhenItIsBack()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(500));

        // The second answer is lost, and all that comes then is not answered.
        kept.Entries.Loss = m =>
        {
            if (m != Create || kept.Entries.Count(Create) < 2) return null;
            kept.Spire.Fault = _ => Gone;
            return Gone;
        };
        Assert.False((await kept.LeadAsync()).IsDone);
        Assert.Equal(400, kept.Own.Count);
        await kept.AfterAsync(kept.Options.LongestRetry);
        (kept.Entries.Loss, kept.Spire.Fault) = (_ => null, _ => null);
        kept.ForgetCalls();
        Assert.Equal(new EntryStatus(500, 500, 0, 0, IsDone: true), await kept.AfterAsync(kept.Options.LongestRetry));
        Assert.Equal([$"{List} 500", $"{List} 500", $"{Create} 100"], kept.Entries.Calls);
        Assert.Equal(500, kept.Own.Select(e => e.Id).Distinct().Count());
    }

    [Fact]
    public async Task WhoIsNoAdminIsToldSoAndItIsTriedAgain()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pods(3));
        await kept.LeadAsync();
        kept.Spire.Fault = m => m.EndsWith(Create, StringComparison.Ordinal) ? new RpcStatus(StatusCode.PermissionDenied, $"authorization denied for method {m}") : null;
        Assert.False((await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pods(4)))).IsDone);
        Assert.Contains("authorization policy", Assert.Single(kept.SaidOf("can't be kept")), StringComparison.Ordinal);
        Assert.Equal(3, kept.Own.Count);
        kept.Spire.Fault = _ => null;
        await kept.AfterAsync(kept.Options.LongestRetry);
        Assert.Equal(4, kept.Own.Count);
    }

    [Theory]
    [InlineData("reordered", "with the result of 'culvert.testing.")]
    [InlineData("fewer", "BatchCreateEntry of 3 entries with 2 results")]
    [InlineData("another", "which is spiffe://demo.culvert/ns/else/sa/where below")]
    public async Task AnswersThatDoNotBelongToTheQuestionAreNotBelieved(string fault, string said)
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.Entries.Created = response =>
        {
            if (fault == "reordered") (response.Results[0], response.Results[1]) = (response.Results[1].Clone(), response.Results[0].Clone());
            if (fault == "fewer") response.Results.RemoveAt(0);
            if (fault == "another") (response.Results[0].Status, response.Results[0].Entry) = (new() { Code = 6, Message = "similar entry already exists" }, Foreign("x", "/ns/else/sa/where"));
            return response;
        };
        kept.World.Set(FakeWorld.Pods(3));
        Assert.False((await kept.LeadAsync()).IsDone);
        Assert.Contains(said, Assert.Single(kept.SaidOf("can't be kept")), StringComparison.Ordinal);
        kept.Entries.Created = response => response;
        Assert.Equal(new EntryStatus(3, 3, 0, 0, IsDone: true), await kept.AfterAsync(kept.Options.LongestRetry));
        Assert.Equal(1, kept.Entries.Count(Create));
    }

    [Fact]
    public async Task PagesWithoutEndAreGivenUp()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.Entries.Listed = page =>
        {
            page.NextPageToken = "7";
            return page;
        };
        kept.World.Set(FakeWorld.Pods(3));
        Assert.False((await kept.LeadAsync()).IsDone);
        Assert.Equal((2, 2), (kept.Entries.Count(List), kept.Entries.Calls.Count));
        Assert.Single(kept.SaidOf("the token '7' for the page after that of the same token"));
    }

    [Fact]
    public async Task AnIdOfOursThatIsThereAndNotListedIsSaid()
    {
        await using Kept kept = await Kept.CreateAsync();
        kept.World.Set(FakeWorld.Pod("a"));
        await kept.LeadAsync();
        await kept.AfterAsync(() => kept.World.Set(FakeWorld.Pod("a"), FakeWorld.Pod("b", account: "b")));
        string id = kept.Own.Single(e => e.SpiffeId.Path.EndsWith("/b", StringComparison.Ordinal)).Id;
        kept.Entries.Change(id, e => e.SpiffeId.Path = "/ns/hidden/sa/b");
        kept.Entries.Listed = page =>
        {
            foreach (Entry hidden in page.Entries.Where(e => e.Id == id).ToArray()) page.Entries.Remove(hidden);
            return page;
        };
        EntryStatus status = await kept.AfterAsync(kept.Options.ResyncInterval);
        Assert.Equal((1, 1), (status.Own, status.Failing));
        Assert.Contains("spire-server entry show", Assert.Single(kept.SaidOf("UNIQUE constraint failed")), StringComparison.Ordinal);

        // Now it is listed, and replaced.
        kept.Entries.Listed = page => page;
        status = await kept.AfterAsync(kept.Options.LongestRetry);
        Assert.Equal((2, 0), (status.Own, status.Failing));
        Assert.Contains(kept.Own, e => e.SpiffeId.Path == "/ns/shop/sa/b");
    }

    [Fact]
    public async Task WhoLeadsNoMoreAsksNothingMoreAndTheNextOneFindsOutWhatIsThere()
    {
        await using Kept first = await Kept.CreateAsync();
        first.World.Set(FakeWorld.Pods(10));
        await first.LeadAsync();
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously), never = new(TaskCreationOptions.RunContinuationsAsynchronously);
        first.Entries.Hold = m =>
        {
            if (m != Create) return Task.CompletedTask;
            reached.TrySetResult();
            return never.Task;
        };
        first.World.Set(FakeWorld.Pods(20));
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await first.ResignAsync();
        first.Entries.Hold = _ => Task.CompletedTask;

        // The other one knows of other pods, and keeps what it wants of those that are there.
        await using Kept second = Kept.Beside(first);
        second.World.Set(FakeWorld.Pods(15).Skip(5));
        first.ForgetCalls();
        EntryStatus status = await second.LeadAsync();
        Assert.Equal((10, 15, 15), (status.Wanted, status.Own, first.Own.Count));
        first.World.Set(FakeWorld.Pods(30));
        await second.AfterAsync(second.Options.Linger);
        Assert.Equal(Enumerable.Range(5, 10).Select(i => $"/ns/shop/sa/a{i}").Order(StringComparer.Ordinal), first.Own.Select(e => e.SpiffeId.Path).Order(StringComparer.Ordinal));
        Assert.Equal([$"{List} 500", $"{List} 500", $"{Create} 5", $"{Delete} 5"], first.Entries.Calls);
    }

    [Fact]
    public async Task ItEndsAlsoWhileTheServerDoesNotAnswer()
    {
        await using Kept kept = await Kept.CreateAsync();
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously), never = new(TaskCreationOptions.RunContinuationsAsynchronously);
        kept.Entries.Hold = _ =>
        {
            reached.TrySetResult();
            return never.Task;
        };
        kept.World.Set(FakeWorld.Pods(3));
        kept.Begin();
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await kept.ResignAsync();
        Assert.Empty(kept.Own);
    }

    [Fact]
    public async Task WhatComesCloseTogetherIsOne()
    {
        await using Kept kept = await Kept.CreateAsync(o => o with { Gathering = TimeSpan.FromSeconds(2) });
        kept.World.Set();
        await kept.LeadAsync();
        kept.ForgetCalls();
        for (int i = 1; i <= 5; i++) kept.World.Set(FakeWorld.Pods(i));
        await Soon.Holds("all are there", () =>
        {
            kept.Time.Advance(kept.Options.Gathering);
            return kept.Own.Count == 5;
        });
        Assert.Equal([$"{Create} 5"], kept.Entries.Calls.Where(c => !c.StartsWith(List, StringComparison.Ordinal)));
    }

    private static Entry Foreign(string id, string path, bool admin = false, string[]? selectors = null) => new()
    {
        Id = id,
        SpiffeId = new() { TrustDomain = StandInSpire.TrustDomain, Path = path },
        ParentId = new() { TrustDomain = StandInSpire.TrustDomain, Path = "/spire/agent/k8s_psat/c/other" },
        Selectors = { (selectors ?? ["ns:shop", "sa:web"]).Select(v => new Selector { Type = "k8s", Value = v }) },
        Admin = admin,
        X509SvidTtl = 60,
    };
}

using System.Collections.Concurrent;
using System.Collections.Immutable;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Revocation;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Core;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Identity.Revocation;

/// <summary>Files of revocation lists that are there, change, and can't be used.</summary>
public sealed class RevocationListsTests : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly TempFolder _folder = new();
    private readonly ConcurrentQueue<string> _said = new();
    private readonly CaFiles _root = CaFiles.Make();
    private readonly List<RevocationLists> _started = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (RevocationLists lists in _started)
        {
            await lists.StopAsync(CancellationToken.None);
            lists.Dispose();
        }
        _root.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task WhatChangesInAFileIsInForceAtTheNextLook()
    {
        Write("a.crl", Crls.Make(_root, ["7F01"]));
        RevocationLists lists = await StartAsync("a.crl");
        Assert.Equal([Crls.Serial("7F01")], lists.Serials);
        int changes = 0;
        lists.Changed += () => changes++;
        await LookAsync();
        Assert.Equal(0, changes);
        _folder.Write("a.crl", Crls.Pem(Crls.Make(_root, ["7F01", "7F02"])));
        await LookAsync();
        Assert.Equal(1, changes);
        Assert.Equal([Crls.Serial("7F01"), Crls.Serial("7F02")], lists.Serials);
    }

    [Fact]
    public async Task AFileThatCanNotBeUsedLaterTakesNothingBack()
    {
        Write("a.crl", Crls.Make(_root, ["7F01"]));
        Write("b.crl", Crls.Make(_root, ["7F02"]));
        RevocationLists lists = await StartAsync("a.crl", "b.crl");
        File.Delete(_folder.File("a.crl"));
        Write("b.crl", Crls.Make(_root, ["7F03"]));
        await LookAsync();
        await LookAsync();
        Assert.Equal([Crls.Serial("7F01"), Crls.Serial("7F03")], lists.Serials);
        Assert.Single(_said, l => l.Contains("a.crl can't be read", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AnOlderListIsNoneAnyMore()
    {
        byte[] old = Crls.Make(_root, ["7F01"], issued: _time.GetUtcNow().AddDays(-1));
        Write("a.crl", Crls.Make(_root, ["7F01", "7F02"]));
        RevocationLists lists = await StartAsync("a.crl");
        Write("a.crl", old);
        await LookAsync();
        Assert.Equal(2, lists.Serials.Length);
        Assert.Single(_said, l => l.Contains("is in force", StringComparison.Ordinal) && l.Contains("a.crl has a list of", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AnOlderListIsNoneAlsoAfterThereWasNoneOfItsIssuer()
    {
        using CaFiles below = CaFiles.Make(_root);
        byte[] old = Crls.Make(_root, ["7F01"], issued: _time.GetUtcNow().AddDays(-1)), now = Crls.Make(_root, ["7F01", "7F02"]);
        Write("a.crl", now);
        RevocationLists lists = await StartAsync("a.crl");
        _folder.Write("a.crl", below.CertificatePem + Crls.Pem(Crls.Make(below, ["7F03"])));
        await LookAsync();
        Assert.Equal([Crls.Serial("7F03")], lists.Serials);
        Assert.Single(_said, l => l.Contains("any more: the 2 certificates that it has revoked are believed again", StringComparison.Ordinal));
        Write("a.crl", old);
        await LookAsync();
        Assert.Equal([Crls.Serial("7F03")], lists.Serials);
        Write("a.crl", now);
        await LookAsync();
        Assert.Equal(2, lists.Serials.Length);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task APipeHoldsNobodyUp()
    {
        Write("a.crl", Crls.Make(_root, ["7F01"]));
        RevocationLists lists = await StartAsync("a.crl");
        File.Delete(_folder.File("a.crl"));
        await _folder.MakePipeAsync("a.crl");
        await LookAsync();
        Assert.Single(_said, l => l.Contains("a.crl can't be read: it is a folder, a pipe, a socket or a device", StringComparison.Ordinal));
        File.Delete(_folder.File("a.crl"));
        Write("a.crl", Crls.Make(_root, ["7F01", "7F02"]));
        await LookAsync();
        Assert.Equal(2, lists.Serials.Length);
    }

    [Fact]
    public async Task WhatIsHalfWrittenChangesNothing()
    {
        string first = Crls.Pem(Crls.Make(_root, ["7F01"])), second = Crls.Pem(Crls.Make(_root, ["7F02"]));
        _folder.Write("a.crl", first + second);
        RevocationLists lists = await StartAsync("a.crl");
        _folder.Write("a.crl", first + second[..^40]);
        await LookAsync();
        Assert.Equal(2, lists.Serials.Length);
        Assert.Single(_said, l => l.Contains("2 blocks of X509 CRL begin, and 1 can be read", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AFileWithWhatIsNoCertificateKeepsNoOtherFromBeingRead()
    {
        Write("b.crl", Crls.Make(_root, ["7F01"]));
        Write("a.crl", Crls.Make(_root, []));
        RevocationLists lists = await StartAsync("a.crl", "b.crl");
        using CaFiles below = CaFiles.Make(_root);
        _folder.Write("a.crl", below.CertificatePem + "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" + Crls.Pem(Crls.Make(below, ["7F03"])));
        Write("b.crl", Crls.Make(_root, ["7F02"]));
        await LookAsync();
        Assert.Equal([Crls.Serial("7F02")], lists.Serials);
        Assert.Single(_said, l => l.Contains("has something that can't be read", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnEmptyFileIsNoList()
    {
        _folder.Write("a.crl", "");
        Assert.Contains("has no revocation list", (await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync("a.crl"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AListOfATimeToComeIsNoneYet()
    {
        Write("a.crl", Crls.Make(_root, ["7F01"], issued: _time.GetUtcNow().AddHours(1)));
        Assert.Contains("which is yet to come", (await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync("a.crl"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutAListNothingStarts()
    {
        InvalidDataException refused = await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync("nowhere.crl"));
        Assert.Contains("nowhere.crl can't be read", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AListOfSomebodyElseIsRefused()
    {
        using CaFiles other = CaFiles.Make();
        Write("a.crl", Crls.Make(other, ["7F01"]));
        InvalidDataException refused = await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync("a.crl"));
        Assert.Contains("put its issuer's certificate, and what leads from there to a root, into the file, too", refused.Message, StringComparison.Ordinal);
        _folder.Write("a.crl", other.CertificatePem + Crls.Pem(Crls.Make(other, ["7F01"])));
        refused = await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync("a.crl"));
        Assert.Contains("which leads to no root of the mesh", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheListOfAnAuthorityBelowARootComesWithItsCertificate()
    {
        using CaFiles below = CaFiles.Make(_root);
        _folder.Write("a.crl", below.CertificatePem + Crls.Pem(Crls.Make(below, ["7F01"])) + Crls.Pem(Crls.Make(_root, ["7F02"])));
        Assert.Equal([Crls.Serial("7F01"), Crls.Serial("7F02")], (await StartAsync("a.crl")).Serials);
    }

    [Fact]
    public async Task AListThatIsLateStaysInForceAndIsSaidOnce()
    {
        Write("a.crl", Crls.Make(_root, ["7F01"], next: _time.GetUtcNow() + (2 * Interval)));
        RevocationLists lists = await StartAsync("a.crl");
        for (int i = 0; i < 5; i++) await LookAsync();
        Assert.Single(_said, l => l.Contains("should have issued another list by", StringComparison.Ordinal));
        Assert.Single(lists.Serials);
    }

    [Fact]
    public async Task WhatIsNoListIsToldFromOneThatIsDamaged()
    {
        _folder.Write("a.crl", "no list");
        Assert.Contains("has no revocation list", (await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync("a.crl"))).Message, StringComparison.Ordinal);
        Write("a.crl", Crls.Make(_root, ["7F01"])[..^5]);
        Assert.Contains("is no revocation list in DER", (await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync("a.crl"))).Message, StringComparison.Ordinal);
    }

    private void Write(string name, byte[] content) => File.WriteAllBytes(_folder.File(name), content);

    private async Task LookAsync()
    {
        _time.Advance(Interval);
        await _time.TimersAsync(1);
    }

    private async Task<RevocationLists> StartAsync(params string[] names)
    {
        RevocationLists lists = new([.. names.Select(_folder.File)], new Trusting(_root), _time, new LineLogger(_said));
        await lists.StartAsync(Cancellation);
        _started.Add(lists);
        await _time.TimersAsync(1);
        return lists;
    }

    private sealed class Trusting(CaFiles root) : ICertificateAuthority
    {
        public event Action? RootsChanged
        {
            add { }
            remove { }
        }

        public ImmutableArray<ReadOnlyMemory<byte>> Roots => [root.Certificate.RawData];

        public Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}

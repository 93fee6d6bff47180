using System.Collections.Concurrent;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>The files of a certificate of the web that change.</summary>
public sealed class WebCertificateTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly ConcurrentQueue<string> _said = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task OneThatHasEndedTakesNoPlaceOfOneThatHasNot()
    {
        using CaFiles first = CaFiles.Make(shape: new() { Left = TimeSpan.FromDays(10) }), ended = CaFiles.Make(shape: new() { Left = TimeSpan.FromHours(1) }), next = CaFiles.Make();
        Write(first);
        using WebCertificate certificate = await WebCertificate.OpenAsync(_folder.File("web.pem"), _folder.File("web.key"), _time, new LineLogger(_said), Cancellation);
        _time.Advance(TimeSpan.FromHours(2));
        Write(ended);
        Assert.Equal(first.Certificate.RawData, await ShownAsync(certificate));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(first.Certificate.RawData, await ShownAsync(certificate));
        Assert.Single(_said, l => l.Contains("web.pem has ended at", StringComparison.Ordinal) && l.Contains("the one before is", StringComparison.Ordinal));

        // Once neither is good the files say which.
        _time.Advance(TimeSpan.FromDays(11));
        Assert.Equal(ended.Certificate.RawData, await ShownAsync(certificate));
        Assert.Single(_said, l => l.Contains("nobody takes the mesh's bundle until", StringComparison.Ordinal));
        Write(next);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(next.Certificate.RawData, await ShownAsync(certificate));
    }

    [Fact]
    public async Task OneThatHasEndedAtTheStartIsSaid()
    {
        using CaFiles ended = CaFiles.Make(shape: new() { Left = TimeSpan.FromHours(-1) });
        Write(ended);
        using WebCertificate certificate = await WebCertificate.OpenAsync(_folder.File("web.pem"), _folder.File("web.key"), _time, new LineLogger(_said), Cancellation);
        Assert.Single(_said, l => l.Contains("nobody takes the mesh's bundle until", StringComparison.Ordinal));
    }

    private static async Task<byte[]> ShownAsync(WebCertificate certificate) => (await certificate.GetAsync(Cancellation)).TargetCertificate.RawData;

    private void Write(CaFiles files)
    {
        _folder.Replace("web.pem", files.CertificatePem);
        _folder.Replace("web.key", files.KeyPem);
        File.SetUnixFileMode(_folder.File("web.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}

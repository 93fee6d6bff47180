using Culvert.Controller.Sources.Folder;

namespace Culvert.Controller.Tests;

public sealed class FolderReaderTests : IDisposable
{
    private const int Files = 50;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ReadingAFolderThatHasNotChangedCostsHardlyAnyMemory()
    {
        for (int i = 0; i < Files; i++) _folder.Write($"objects/w{i}.yaml", string.Concat(Enumerable.Range(0, 20).Select(n => Objects.Workload($"w{i}-{n}", $"10.{i}.0.{n}"))));
        FolderReader reader = new(_folder.File("objects"));
        IReadOnlyList<SourceFile> first = reader.Read();
        Assert.All(reader.Read().Zip(first), pair => Assert.Same(pair.First, pair.Second));
        long before = GC.GetAllocatedBytesForCurrentThread();
        reader.Read();
        long perFile = (GC.GetAllocatedBytesForCurrentThread() - before) / Files;
        Assert.True(perFile < 2048, $"{perFile} bytes for each file");
        TestContext.Current.TestOutputHelper?.WriteLine($"{perFile} bytes for each unchanged file of {first[0].Text!.Length}");
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AFileThatIsSwappedWithAPipeWhileItIsReadHoldsNobodyUp()
    {
        const int Least = 200;
        _folder.Write("objects/web.yaml", "a: 1\n");
        await _folder.MakePipeAsync("pipe");
        string name = _folder.File("objects/web.yaml"), pipe = _folder.File("pipe"), file = _folder.File("file");
        using CancellationTokenSource stop = new();
        Task swapping = Task.Run(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    File.Move(name, file);
                    File.Move(pipe, name);
                    File.Move(name, pipe);
                    File.Move(file, name);
                }
            },
            TestContext.Current.CancellationToken);
        int files = 0, pipes = 0;
        Task reading = Task.Run(
            () =>
            {
                FolderReader reader = new(_folder.File("objects"));
                while (files < Least || pipes < Least)
                {
                    foreach (SourceFile read in reader.Read())
                    {
                        if (read.Text is not null) files++;
                        else if (read.Error == "is not a regular file") pipes++;
                    }
                }
            },
            TestContext.Current.CancellationToken);
        await reading.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await swapping;
    }

    [Fact]
    public void AChangeOfOneByteIsSeenAndTheOthersStay()
    {
        _folder.Write("objects/a.yaml", "a: 1\n");
        _folder.Write("objects/b.yaml", "b: 1\n");
        FolderReader reader = new(_folder.File("objects"));
        IReadOnlyList<SourceFile> first = reader.Read();
        _folder.Write("objects/a.yaml", "a: 2\n");
        IReadOnlyList<SourceFile> second = reader.Read();
        Assert.Equal("a: 2\n", second[0].Text);
        Assert.Same(first[1], second[1]);
        File.Delete(_folder.File("objects/a.yaml"));
        Assert.Equal(["b.yaml"], reader.Read().Select(f => f.Name));
        _folder.Write("objects/a.yaml", "\uFEFFa: 2\n");
        Assert.Equal("a: 2\n", reader.Read()[0].Text);
    }
}

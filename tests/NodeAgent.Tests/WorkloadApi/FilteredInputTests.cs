using System.IO.Pipelines;
using Culvert.NodeAgent.WorkloadApi;
using Microsoft.AspNetCore.Connections;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>The end of what is read of a connection.</summary>
public sealed class FilteredInputTests
{
    [Fact(Timeout = 30_000)]
    public async Task HoweverReadingFailsWhoReadsIsTold()
    {
        Pipe output = new();
        NotSupportedException failure = new("of a kind that nobody expects");
        DefaultConnectionContext context = new() { Transport = new Transport(new Failing(failure), output.Writer) };
        Exception? told = null;
        await FilteredInput.ServeAsync(context, async connection =>
        {
            try
            {
                await connection.Transport.Input.ReadAsync(TestContext.Current.CancellationToken);
            }
            catch (NotSupportedException e)
            {
                told = e;
            }
        });
        Assert.Same(failure, told);
    }

    private sealed record Transport(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class Failing(Exception failure) : PipeReader
    {
        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => ValueTask.FromException<ReadResult>(failure);

        public override bool TryRead(out ReadResult result) => throw failure;

        public override void AdvanceTo(SequencePosition consumed) => throw failure;

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => throw failure;

        public override void CancelPendingRead()
        {
            // There is none.
        }

        public override void Complete(Exception? exception = null)
        {
            // It holds nothing.
        }
    }
}

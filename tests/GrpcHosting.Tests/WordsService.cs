using Foreign.Words.V1;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Implements all of a generated service but one method.</summary>
internal sealed class WordsService : Words.WordsBase
{
    public override Task<Word> Upper(Word request, ServerCallContext context) => Task.FromResult(new Word { Text = request.Text.ToUpperInvariant() });

    public override async Task<Word> Join(IAsyncStreamReader<Word> requestStream, ServerCallContext context)
    {
        List<string> all = [];
        await foreach (Word word in requestStream.ReadAllAsync()) all.Add(word.Text);
        return new Word { Text = string.Join(' ', all) };
    }

    public override async Task Split(Word request, IServerStreamWriter<Word> responseStream, ServerCallContext context)
    {
        foreach (string part in request.Text.Split(' ')) await responseStream.WriteAsync(new Word { Text = part });
    }

    public override async Task Echo(IAsyncStreamReader<Word> requestStream, IServerStreamWriter<Word> responseStream, ServerCallContext context)
    {
        await foreach (Word word in requestStream.ReadAllAsync()) await responseStream.WriteAsync(word);
    }
}

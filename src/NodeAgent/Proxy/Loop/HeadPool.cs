using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// Lists of fields for heads that are kept while their request runs. A request that keeps none has no memory for one, and one that does no more than a few times what its head has, whatever ran before: lists are lent by size, and
/// those of unusual heads are not used again. Belongs to its loop's thread.
/// </summary>
internal sealed class HeadPool
{
    // Lists of up to 1, 2 and 4 KiB, and of 32, 64 and 128 fields: usual heads.
    private const int Sizes = 3, LeastBytes = 1024, LeastFields = 32;

    // So many of a size wait for their next use: 2 MiB at most, with all sizes.
    private const int MostIdle = 256;

    private readonly Stack<HeaderList>[] _idle = [new(), new(), new()];

    /// <summary>Lends a list with a copy of a head.</summary>
    /// <param name="head">The head.</param>
    /// <returns>The copy, to be given back by <see cref="Return"/> or left to the collector.</returns>
    internal HeaderList Copy(HeaderList head)
    {
        HeaderList copy = Rent(head.Bytes, head.Count);
        copy.AddRange(head);
        return copy;
    }

    /// <summary>Lends an empty list.</summary>
    /// <param name="bytes">How long names and values will be together, about.</param>
    /// <param name="fields">How many fields there will be, about.</param>
    internal HeaderList Rent(int bytes, int fields)
    {
        int size = SizeOf(bytes, fields);
        if (size < Sizes && _idle[size].TryPop(out HeaderList? idle)) return idle;
        HeaderList made = new();
        if (size < Sizes) made.Reserve(LeastBytes << size, LeastFields << size);
        return made;
    }

    /// <summary>Takes a list back; nobody may look at it any more.</summary>
    internal void Return(HeaderList list)
    {
        list.Clear();
        for (int size = Sizes - 1; size >= 0; size--)
        {
            if (!list.HasRoomFor(LeastBytes << size, LeastFields << size)) continue;

            // Not one that has grown beyond its size: a short head would have it next.
            if (!list.HasRoomFor((LeastBytes << size) + 1, 0) && !list.HasRoomFor(0, (LeastFields << size) + 1) && _idle[size].Count < MostIdle) _idle[size].Push(list);
            return;
        }
    }

    private static int SizeOf(int bytes, int fields)
    {
        int size = 0;
        while (size < Sizes && (bytes > LeastBytes << size || fields > LeastFields << size)) size++;
        return size;
    }
}

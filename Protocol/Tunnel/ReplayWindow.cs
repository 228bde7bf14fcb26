namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Remembers which counters of one session were received, so that each is taken once: those up to
/// <see cref="TunnelTuning.ReplayWindow"/> behind the newest, none older (the window of RFC 6479, without its lock). Safe for concurrent
/// use; ask only after the message was authenticated.
/// </summary>
/// <remarks>
/// A word covers 32 consecutive counters: its low half is their bitmap, its high half the low half of their block number. A word of an
/// older block is simply overwritten, so nothing needs clearing when the window moves, and one compare-and-swap decides. Two blocks
/// whose numbers agree in the low half are 2^37 counters apart: more than a session carries in its 180 s.
/// </remarks>
public sealed class ReplayWindow
{
    const int BlockBits = 32;
    const int Blocks = 256;

    readonly ulong[] _words = new ulong[Blocks];
    ulong _next;

    /// <summary>Gets one more than the newest counter received; 0 when there was none.</summary>
    public ulong Next => Volatile.Read(ref _next);

    /// <summary>Takes a counter; returns false when it was taken before or lies behind the window.</summary>
    public bool TryAccept(ulong counter)
    {
        var next = Volatile.Read(ref _next);
        while (counter >= next)
        {
            var seen = Interlocked.CompareExchange(ref _next, counter + 1, next);
            if (seen == next)
            {
                next = counter + 1;
                break;
            }
            next = seen;
        }
        if (next - 1 - counter > TunnelTuning.ReplayWindow)
            return false;

        var block = (uint)(counter / BlockBits);
        var bit = 1UL << (int)(counter % BlockBits);
        ref var word = ref _words[block % Blocks];
        var current = Volatile.Read(ref word);
        while (true)
        {
            // Both distances are from the newest block: the counter moves before any word does, so no word is ahead of it.
            var newest = (uint)((Volatile.Read(ref _next) - 1) / BlockBits);
            var behind = newest - block;
            var wordBehind = newest - (uint)(current >> BlockBits);
            ulong replacement;
            if (wordBehind == behind)
            {
                if ((current & bit) != 0)
                    return false;
                replacement = current | bit;
            }
            else if (wordBehind > behind)
                replacement = ((ulong)block << BlockBits) | bit;
            else
                return false;
            var seen = Interlocked.CompareExchange(ref word, replacement, current);
            if (seen == current)
                return true;
            current = seen;
        }
    }
}

using System.Runtime.CompilerServices;
using Mesh.Actors.Events;
using Mesh.Actors.Ports;

namespace Mesh.Actors.Policy;

/// <summary>Is one policy that was set.</summary>
/// <param name="Revision">The journal's ordering of the event that set it.</param>
/// <param name="Set">The event.</param>
public sealed record PolicyRevision(long Revision, PolicySet Set);

/// <summary>Reads back the policies of a network.</summary>
public static class PolicyHistory
{
    const string Manifests = "policy.set.";
    const int Batch = 1000;

    /// <summary>
    /// Reads every policy that was ever set, oldest first. Texts are long: whoever asks keeps those that are needed.
    /// </summary>
    public static async IAsyncEnumerable<PolicyRevision> ReadAsync(
        IJournalTail journal, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var after = 0L;
        while (true)
        {
            var events = await journal.ReadAsync(after, Batch, cancellationToken);
            foreach (var journaled in events)
            {
                after = journaled.Ordering;
                if (journaled.Manifest.StartsWith(Manifests, StringComparison.Ordinal)
                    && NetworkEvents.Manifests.Decode(journaled.Payload.Span, journaled.Manifest) is PolicySet set)
                    yield return new PolicyRevision(journaled.Ordering, set);
            }
            if (events.Count < Batch)
                yield break;
        }
    }
}

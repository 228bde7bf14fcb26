using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Mesh.Tests.Engine.Persistence;

/// <summary>A memory journal whose writes wait until the test lets them through, in the order that the test likes.</summary>
public sealed class GatedJournal : MemoryJournal
{
    public static readonly ConcurrentDictionary<string, TaskCompletionSource> Gates = new();

    protected override async Task<IImmutableList<Exception?>?> WriteMessagesAsync(IEnumerable<AtomicWrite> messages)
    {
        var writes = messages.ToList();
        await Gates.GetOrAdd($"{writes[0].PersistenceId}/{writes[0].LowestSequenceNr}", static _ => new TaskCompletionSource()).Task;
        return await base.WriteMessagesAsync(writes);
    }
}

public sealed class JournalReplySpec() : TestKit("""
    akka.persistence.journal {
      plugin = akka.persistence.journal.gated
      gated.class = "Mesh.Tests.Engine.Persistence.GatedJournal, Mesh.Tests.Engine"
    }
    """)
{
    private readonly string _id = Guid.NewGuid().ToString();

    [Fact]
    public async Task Replies_to_one_actor_never_overtake_and_others_do_not_wait_for_it()
    {
        var (one, two) = (CreateTestProbe(), CreateTestProbe());
        // Three entities, for the storage of one takes its events in order only.
        Write(one, "a", 1, 2);
        Write(one, "b", 3);
        Write(two, "c", 4);

        // Storage is done in the wrong order.
        Open(_id + "c", 4);
        await two.ExpectMsgAsync<WriteMessagesSuccessful>();
        Assert.Equal(4, (await two.ExpectMsgAsync<WriteMessageSuccess>()).Persistent.SequenceNr);
        Open(_id + "b", 3);
        await one.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(100));
        Open(_id + "a", 1);
        await one.ExpectMsgAsync<WriteMessagesSuccessful>();
        Assert.Equal(1, (await one.ExpectMsgAsync<WriteMessageSuccess>()).Persistent.SequenceNr);
        Assert.Equal(2, (await one.ExpectMsgAsync<WriteMessageSuccess>()).Persistent.SequenceNr);
        await one.ExpectMsgAsync<WriteMessagesSuccessful>();
        Assert.Equal(3, (await one.ExpectMsgAsync<WriteMessageSuccess>()).Persistent.SequenceNr);
    }

    [Fact]
    public async Task Commands_wait_for_their_event_while_asynchronous_ones_go_on()
    {
        var entity = Sys.ActorOf(Entity.Of(_id, (e, message) =>
        {
            e.Reply(message);
            if (message is "async")
                e.PersistAsync("async", stored => e.Reply($"{stored} stored"));
            else
                e.Persist((string)message, stored => e.Reply($"{stored} stored"));
        }));
        foreach (var command in (string[])["async", "one", "two"])
            entity.Tell(command, TestActor);
        await ExpectMsgAsync("async");
        await ExpectMsgAsync("one");
        await ExpectNoMsgAsync(TimeSpan.FromMilliseconds(100));
        Open(_id, 1);
        await ExpectMsgAsync("async stored");
        await ExpectNoMsgAsync(TimeSpan.FromMilliseconds(100));
        Open(_id, 2);
        await ExpectMsgAsync("one stored");
        await ExpectMsgAsync("two");
        Open(_id, 3);
        await ExpectMsgAsync("two stored");
    }

    private void Write(TestProbe probe, string id, params long[] numbers) => PersistenceProvider.Instance.Apply(Sys).JournalFor("").Tell(
        new WriteMessages(numbers.Select(number => new AtomicWrite(new Persistent($"e-{number}", number, _id + id))).ToList(), probe.Ref, 1), probe.Ref);

    private static void Open(string id, long number) => GatedJournal.Gates.GetOrAdd($"{id}/{number}", static _ => new TaskCompletionSource()).SetResult();
}

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
        Write(one, 1, 2);
        Write(one, 3);
        Write(two, 4);

        // Storage is done in the wrong order.
        Open(4);
        await two.ExpectMsgAsync<WriteMessagesSuccessful>();
        Assert.Equal(4, (await two.ExpectMsgAsync<WriteMessageSuccess>()).Persistent.SequenceNr);
        Open(3);
        await one.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(100));
        Open(1);
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
        Open(1);
        await ExpectMsgAsync("async stored");
        await ExpectNoMsgAsync(TimeSpan.FromMilliseconds(100));
        Open(2);
        await ExpectMsgAsync("one stored");
        await ExpectMsgAsync("two");
        Open(3);
        await ExpectMsgAsync("two stored");
    }

    private void Write(TestProbe probe, params long[] numbers) => PersistenceProvider.Instance.Apply(Sys).JournalFor("").Tell(
        new WriteMessages(numbers.Select(number => new AtomicWrite(new Persistent($"e-{number}", number, _id))).ToList(), probe.Ref, 1), probe.Ref);

    private void Open(long number) => GatedJournal.Gates.GetOrAdd($"{_id}/{number}", static _ => new TaskCompletionSource()).SetResult();
}

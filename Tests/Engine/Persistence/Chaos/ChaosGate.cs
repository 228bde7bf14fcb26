namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>
/// Stands in front of a journal of any kind and writes down which writes are out and what is rejected. Everything goes through in order;
/// answers to writes take the way back through a relay for each actor, answers to replays go straight.
/// </summary>
internal sealed class ChaosGate : ReceiveActor
{
    private readonly Dictionary<IActorRef, IActorRef> _relays = [];

    public ChaosGate(Config config)
    {
        var world = ChaosWorld.Of(config);
        var journal = PersistenceProvider.Instance.Apply(Context.System).JournalFor(config.GetString("behind")!);
        Receive<WriteMessages>(write =>
        {
            var actor = write.PersistentActor;
            if (!_relays.TryGetValue(actor, out var relay))
                _relays[actor] = relay = Context.ActorOf(Props.Create(() => new Relay(actor, world)));
            var writer = $"{actor.Path}#{actor.Path.Uid}/{write.ActorInstanceId}";
            world.History.Add(new WriteSent(actor.Path.Name, writer));

            // Ahead of the answers, for it goes ahead of the write.
            relay.Tell(new Outgoing(writer, write), Self);
            journal.Tell(new WriteMessages(write.Messages, relay, write.ActorInstanceId), relay);
        });
        ReceiveAny(journal.Forward);
    }

    private sealed record Outgoing(string Writer, WriteMessages Request);

    private sealed class Relay : ReceiveActor, IWithUnboundedStash
    {
        private readonly Queue<string> _writers = new();
        private readonly IActorRef _actor;
        private readonly ChaosWorld _world;

        public Relay(IActorRef actor, ChaosWorld world)
        {
            _actor = actor;
            _world = world;
            PassOn();
        }

        public IStash Stash { get; set; } = null!;

        private void PassOn()
        {
            Receive<Outgoing>(outgoing =>
            {
                _writers.Enqueue(outgoing.Writer);
                if (outgoing.Request.Messages.All(each => each is AtomicWrite) && _world.Lies(ChaosLie.AnswerBeforeTheWriteEnds))
                    Forge(outgoing.Request);
            });
            ReceiveAny(answer =>
            {
                NoteAnswer(answer);
                if (answer is WriteMessageSuccess && _world.Lies(ChaosLie.AnswerTwice))
                    _actor.Forward(answer);
                _actor.Forward(answer);
            });
        }

        private void NoteAnswer(object answer)
        {
            switch (answer)
            {
                case WriteMessagesSuccessful:
                    _world.Figures.CallEnded(null);
                    _world.History.Add(new WriteAnswered(_actor.Path.Name, _writers.Dequeue()));
                    break;
                case WriteMessagesFailed failed:
                    _world.Figures.WriteFailed(failed.Cause);
                    _world.Figures.CallEnded(failed.Cause);
                    _world.History.Add(new WriteAnswered(_actor.Path.Name, _writers.Dequeue()));
                    break;
                case WriteMessageRejected rejected:
                    _world.History.Add(new Spent(_actor.Path.Name, rejected.Persistent.SequenceNr, Unwrap(rejected.Persistent.Payload)));
                    break;
                case WriteMessageFailure failure:
                    _world.History.Add(new Doubted(_actor.Path.Name, failure.Persistent.SequenceNr, Unwrap(failure.Persistent.Payload)));
                    break;
            }
        }

        /// <summary>Answers in the journal's place, and keeps its answer back until the actor, believing, writes again.</summary>
        private void Forge(WriteMessages request)
        {
            _actor.Tell(WriteMessagesSuccessful.Instance, Self);
            foreach (var each in request.Messages.SelectMany(write => (IEnumerable<IPersistentRepresentation>)write.Payload))
                _actor.Tell(new WriteMessageSuccess(each, request.ActorInstanceId), each.Sender);
            Become(() =>
            {
                Receive<Outgoing>(outgoing =>
                {
                    _writers.Enqueue(outgoing.Writer);
                    Stash.UnstashAll();
                    Become(PassOn);
                });
                ReceiveAny(_ => Stash.Stash());
            });
        }

        private static ChaosEvent Unwrap(object payload) => payload as ChaosEvent ?? ((UnfitEvent)payload).Event;
    }
}
